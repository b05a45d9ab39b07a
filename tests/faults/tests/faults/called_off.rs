//! A ticket with thousands of confirmed bookings is deleted, and the servers that cancel them are killed in turn (row
//! T12, trap R09): every booking ends cancelled, all money and stock are back, and the organizer sees it come.

use std::time::{Duration, Instant};

use faults::resident::{Sample, now, peaks};
use faults::{Scene, all_rows, bookings, rounds, tell, until_answered};
use futures::StreamExt;
use serde_json::{Value, json};
use testkit::{Plan, Shape, eventually_within};
use tokio::time::{sleep, timeout};

/// Who is killed, in this order, again and again.
const TURNS: [&str; 3] = ["booking", "payment", "ticket"];
const CLIENTS: usize = 64;
/// As many as one page of a buyer's list has.
const BOOKINGS_OF_A_BUYER: usize = 100;
const LOOKED_EVERY: Duration = Duration::from_millis(50);
/// What was given back must be told to everybody.
const HEARD_WITHIN: Duration = Duration::from_secs(300);
/// What a server may take more than when the ticket was deleted, however many bookings there are.
const GROWTH_MIB_MAX: f64 = 64.0;

#[tokio::test(flavor = "multi_thread")]
async fn t12_r09_a_ticket_of_thousands_deleted_and_killed_midway_over_sqlite() {
    called_off(Shape::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t12_r09_a_ticket_of_thousands_deleted_and_killed_midway_over_postgresql() {
    called_off(Shape::Postgres).await;
}

async fn called_off(shape: Shape) {
    let all = bookings(10_000, 500);
    // What is sold here is to be confirmed, however slow the machine is just then.
    let plan = Plan::of(shape).with("PAYMENT_BREAKER", "off");
    let mut sale = Sale { scene: Scene::planned(plan).await, shape, ticket: String::new(), all };
    let capacity = u32::try_from(all * 2).unwrap();
    sale.ticket = sale.scene.register("Called off", capacity).await;
    sale.sells().await;

    let before = now(&sale.scene.platform.processes());
    let samples = sale.is_called_off().await;
    sale.is_all_back(capacity).await;
    for (server, most) in peaks(&samples) {
        let before = before.get(&server).copied().unwrap_or_default();
        sale.tell(&format!("{server} took {before:.0} MiB before, {most:.0} MiB at most"));
        // How much of its stream the bus keeps in memory is its own affair.
        let is_bounded = server == "nats" || most < before + GROWTH_MIB_MAX;
        assert!(is_bounded, "{server} grows: {before} MiB, {most} MiB");
    }
}

/// A ticket that so many bookings are made of.
struct Sale {
    scene: Scene,
    shape: Shape,
    ticket: String,
    all: usize,
}

/// How many bookings are where, as the organizer is told.
#[derive(Debug, Clone, Copy)]
struct Progress {
    open: usize,
    cancelling: usize,
    cancelled: usize,
    settled: bool,
}

impl Sale {
    /// Has all bookings made and confirmed, and waits until everybody has heard of it.
    async fn sells(&self) {
        let patience = self.patience();
        let began = Instant::now();
        let buyers = self.all.div_ceil(BOOKINGS_OF_A_BUYER);
        let tokens: Vec<_> = (0..buyers).map(|buyer| self.scene.buyer(buyer)).collect();
        let wish = json!({"ticketId": self.ticket, "quantity": 1, "paymentMethod": "ok"});
        let http = &self.scene.platform.http;
        let made = futures::stream::iter(0..self.all).for_each_concurrent(CLIENTS, |number| {
            let (token, key) = (&tokens[number / BOOKINGS_OF_A_BUYER], format!("wish-{number}"));
            let wish = wish.clone();
            async move {
                let _booked = until_answered(http, token, "/v1/bookings", &key, wish).await;
            }
        });
        timeout(patience, made).await.expect("all are booked");
        let (all, took) = (self.all, began.elapsed());
        self.tell(&format!("{all} bookings made in {took:.0?}, {:.0}/s", rate(all, took)));
        self.until_sold("confirmedBookings").await;
        self.scene.platform.audit_is_clean_within(patience).await;
    }

    /// Deletes the ticket, kills whoever's turn it is while its bookings are cancelled, and gives what the servers took
    /// of memory until the organizer was told that all is settled.
    async fn is_called_off(&mut self) -> Vec<Sample> {
        let acme = self.scene.platform.organizer("acme");
        let path = format!("/v1/tickets/{}", self.ticket);
        let deleted = self.scene.platform.http.delete(&path).token(&acme).send().await.unwrap();
        assert_eq!(deleted.text("status"), "TICKET_STATUS_RETIRING", "{}", deleted.json);
        let began = Instant::now();
        let (kills, mut killed) = (rounds(9, 3), 0);
        let mut last: Option<Progress> = None;
        let mut samples = Vec::new();
        while last.is_none_or(|told| !told.settled) {
            assert!(began.elapsed() < self.patience(), "not settled: {last:?}");
            samples.push(now(&self.scene.platform.processes()));
            if let Some(told) = self.progress(&acme).await {
                told.follows(last, self.all);
                last = Some(told);
                let begun = self.all - told.open;
                // The first kill meets the round through the bookings, the others what comes of it.
                let share = if killed == 0 { begun } else { told.cancelled };
                let is_midway = share >= self.all * (killed + 1) / (kills + 1) && !told.settled;
                if killed < kills && is_midway {
                    let after = began.elapsed();
                    let name = self.is_killed(TURNS[killed % TURNS.len()]).await;
                    self.tell(&format!("{name} killed after {after:.1?}: {told:?}"));
                    killed += 1;
                }
            }
            sleep(LOOKED_EVERY).await;
        }
        let took = began.elapsed();
        assert_eq!(killed, kills, "all was settled before they were killed");
        self.tell(&format!("settled after {took:.0?}, {:.0}/s", rate(self.all, took)));
        samples
    }

    /// Kills a server and starts it again, all of them where they are one; gives the name of what was killed.
    async fn is_killed(&mut self, server: &str) -> String {
        let is_alone = self.shape.is_distributed();
        let name = if is_alone { format!("{server}-1") } else { "boxoffice".to_owned() };
        let server = self.scene.platform.server(&name);
        server.kill9().await;
        server.restart().await;
        name
    }

    /// The ticket has ended with all its stock, each booking is cancelled, no money is kept, and the books are right.
    async fn is_all_back(&self, capacity: u32) {
        let http = &self.scene.platform.http;
        let began = Instant::now();
        let path = format!("/v1/tickets/{}", self.ticket);
        eventually_within(HEARD_WITHIN, "the ticket is retired", || async {
            let ticket = http.get(&path).send().await.map_err(|error| error.to_string())?;
            let is_retired = ticket.text("status") == "TICKET_STATUS_RETIRED";
            if is_retired { Ok(()) } else { Err(ticket.json.to_string()) }
        })
        .await;
        self.tell(&format!("retired {:.1?} later", began.elapsed()));
        let stock = http.get(format!("{path}/availability")).send().await.unwrap();
        let (held, sold, available) =
            (stock.text("held"), stock.text("sold"), stock.text("available"));
        assert_eq!((held, sold, available), ("0", "0", capacity.to_string().as_str()));

        let mut cancelled = 0;
        for buyer in 0..self.all.div_ceil(BOOKINGS_OF_A_BUYER) {
            let bookings = all_rows(http, &self.scene.buyer(buyer), "bookings").await.unwrap();
            let kept = bookings.iter().find(|row| row["status"] != "BOOKING_STATUS_CANCELLED");
            assert!(kept.is_none(), "{kept:?}");
            cancelled += bookings.len();
        }
        assert_eq!(cancelled, self.all);
        let summary = self.until_sold("cancelledBookings").await;
        let total = &summary["totals"][0];
        let paid = (55_000 * self.all).to_string();
        assert_eq!(
            (&total["refunded"]["units"], &total["net"]["units"]),
            (&json!(paid), &json!("0"))
        );
        self.scene.platform.audit_is_clean_within(HEARD_WITHIN).await;
        self.tell(&format!(
            "{cancelled} bookings are cancelled and refunded, the stock is whole, audit 0 ({:.0?} later)",
            began.elapsed()
        ));
    }

    /// What the organizer is told just now, if anything.
    async fn progress(&self, acme: &str) -> Option<Progress> {
        let path = format!("/v1/tickets/{}/retirement", self.ticket);
        let told = self.scene.platform.http.get(path).token(acme).send().await.ok()?;
        let count = |field: &str| told.text(field).parse::<usize>().ok();
        (told.status == 200).then_some(())?;
        assert_eq!(count("stuckBookings"), Some(0), "{}", told.json);
        Some(Progress {
            open: count("openBookings")?,
            cancelling: count("cancellingBookings")?,
            cancelled: count("cancelledBookings")?,
            settled: told.json["settled"] == true,
        })
    }

    /// Waits until my page counts all bookings as this, and none as anything else.
    async fn until_sold(&self, field: &str) -> Value {
        let acme = self.scene.platform.organizer("acme");
        let path = format!("/v1/mypage/sales:summary?ticketId={}", self.ticket);
        eventually_within(self.patience(), field, || async {
            let summary = self.scene.platform.http.get(&path).token(&acme).send().await;
            let summary = summary.map_err(|error| error.to_string())?;
            let is_all = summary.text(field) == self.all.to_string();
            if is_all { Ok(summary.json) } else { Err(summary.json.to_string()) }
        })
        .await
    }

    /// A machine with other work does some twenty bookings a second, and each kill costs half a minute until what its
    /// server was at comes again.
    fn patience(&self) -> Duration {
        Duration::from_secs(300 + u64::try_from(self.all).unwrap() / 20)
    }

    fn tell(&self, line: &str) {
        tell(&format!("called off, {:?}: {line}", self.shape));
    }
}

impl Progress {
    /// Nothing goes back, and nothing is lost.
    fn follows(self, last: Option<Self>, all: usize) {
        assert_eq!(self.open + self.cancelling + self.cancelled, all, "{self:?}");
        assert_eq!(self.settled, self.cancelled == all, "{self:?}");
        let Some(last) = last else { return };
        let is_later = self.open <= last.open && self.cancelled >= last.cancelled;
        assert!(is_later, "{self:?} after {last:?}");
    }
}

fn rate(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}
