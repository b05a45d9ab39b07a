//! The points of a booking's process at which a server may end, what leads a booking there, and platforms on which one
//! point after the other is tried.

use std::fmt::{Display, Formatter, Result};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use boxoffice::http::HttpClient;
use faults::{Scene, all_rows, tell, until_answered};
use futures::future::join_all;
use serde_json::{Value, json};
use testkit::{Shape, eventually_within};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Where, in whose server, and what leads there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point {
    at: &'static str,
    server: &'static str,
    story: Story,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Story {
    Book,
    /// Of a ticket that is paid before stock is set aside.
    PayFirst,
    /// Declined, and paid another way.
    PayAgain,
    Cancel,
    /// Declined, and never paid.
    Expire,
}

const fn point(at: &'static str, server: &'static str, story: Story) -> Point {
    Point { at, server, story }
}

/// The steps that take longest first, so that none of them is left alone at the end.
const POINTS: [Point; 19] = [
    point("before release_hold", "booking", Story::Expire),
    point("after release_hold", "booking", Story::Expire),
    point("before unpin_hold", "booking", Story::Expire),
    point("after unpin_hold", "booking", Story::Expire),
    point("after create_booking", "booking", Story::Book),
    point("before hold_stock", "booking", Story::Book),
    point("after hold_stock", "booking", Story::Book),
    point("before charge", "booking", Story::Book),
    point("before provider_charge", "payment", Story::Book),
    point("after provider_charge", "payment", Story::Book),
    point("after charge", "booking", Story::Book),
    point("before commit_hold", "booking", Story::Book),
    point("after commit_hold", "booking", Story::Book),
    point("before pin_hold", "booking", Story::PayAgain),
    point("after pin_hold", "booking", Story::PayAgain),
    point("before hold_stock", "booking", Story::PayFirst),
    point("after hold_stock", "booking", Story::PayFirst),
    point("before provider_refund", "payment", Story::Cancel),
    point("after provider_refund", "payment", Story::Cancel),
];
const AT_ONCE: usize = 4;
/// More than one point's buyers ever book.
const CAPACITY: u32 = 100;
/// A hold that is not paid ends after ten seconds, and a lease of who is gone after fifteen.
const KILLED_WITHIN: Duration = Duration::from_secs(40);
const READY_WITHIN: Duration = Duration::from_secs(30);
const AT_REST_WITHIN: Duration = Duration::from_secs(60);
/// The views' events may come after the last thing that was done.
const AUDITED_WITHIN: Duration = Duration::from_secs(30);

/// What was seen at one point.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    /// How often its server was killed there.
    pub(crate) kills: usize,
    /// How long it took at most from the start of the killed server until nothing was left to do.
    pub(crate) at_rest: Duration,
}

/// Tries something at every point, on some platforms at once, and tells what was seen. The books of a platform are
/// audited after each of its points.
pub(crate) async fn at_every_point(
    title: &str,
    shape: Shape,
    try_at: impl AsyncFn(&mut Stage, Point) -> Seen,
) {
    let next = AtomicUsize::new(0);
    let goes_through = async || {
        let mut stage = Stage { scene: Scene::of(shape, 1).await, shape, buyers: 0 };
        let mut seen = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::SeqCst);
            let Some(&point) = POINTS.get(place) else { return seen };
            seen.push((point, try_at(&mut stage, point).await));
            stage.scene.platform.audit_is_clean_within(AUDITED_WITHIN).await;
        }
    };
    let seen = join_all((0..AT_ONCE).map(|_| Box::pin(goes_through()))).await;
    let mut seen: Vec<_> = seen.into_iter().flatten().collect();
    seen.sort_by_key(|(point, _)| point.to_string());
    let kills: usize = seen.iter().map(|(_, seen)| seen.kills).sum();
    let slowest = seen.iter().map(|(_, seen)| seen.at_rest).max().unwrap_or_default();
    tell(&format!(
        "\n{title}: {kills} kills, all at rest within {:.1} s, audit 0",
        slowest.as_secs_f64()
    ));
    for (point, Seen { kills, at_rest }) in seen {
        let seconds = at_rest.as_secs_f64();
        tell(&format!(
            "  {point:<48} {kills:>3} kills   at rest within {seconds:>5.1} s   audit 0"
        ));
    }
}

impl Display for Point {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let of = match self.story {
            Story::Book => "",
            Story::PayFirst => ", paid first",
            Story::PayAgain => ", paid again",
            Story::Cancel => ", cancelled",
            Story::Expire => ", never paid",
        };
        f.pad(&format!("{}: {}{of}", self.server, self.at))
    }
}

/// A platform on which one point after the other is tried.
pub(crate) struct Stage {
    pub(crate) scene: Scene,
    shape: Shape,
    buyers: usize,
}

impl Stage {
    /// A buyer who nobody was before.
    pub(crate) fn next_buyer(&mut self) -> usize {
        self.buyers += 1;
        self.buyers
    }

    /// Registers a ticket as the point's story needs it.
    pub(crate) async fn register(&self, point: Point) -> String {
        let allocation = match point.story {
            Story::PayFirst => "ALLOCATION_PAY_FIRST",
            Story::Book | Story::PayAgain | Story::Cancel | Story::Expire => {
                "ALLOCATION_HOLD_FIRST"
            }
        };
        let ticket = json!({
            "kind": "TICKET_KIND_ADMISSION", "name": "Cursed", "capacity": CAPACITY.to_string(),
            "holdTtl": "10s", "allocation": allocation,
            "unitPrice": {"currencyCode": "KRW", "units": "55000"},
        });
        let (http, acme) = (&self.scene.platform.http, self.scene.platform.organizer("acme"));
        let answer = http.post("/v1/tickets").token(&acme).json(ticket).send().await.unwrap();
        assert_eq!(answer.status, 201, "{}", answer.json);
        answer.text("ticketId").to_owned()
    }

    /// Has the point's server end there while the buyer's story is told, and leaves it ended.
    pub(crate) async fn kill(&mut self, point: Point, ticket: &str, buyer: usize) {
        let name = self.server_of(point);
        let ended = self.scene.platform.server(&name).terminate().await;
        assert!(ended.success(), "{point}: {ended}");
        let server = self.scene.platform.server(&name);
        server.start_armed(&[("KILL_AT", &format!("{}:1", point.at))]);
        // It may be killed by what it finds to do before it is ready.
        let is_ready = async {
            while server.is_running() && !server.is_ready().await {
                sleep(Duration::from_millis(20)).await;
            }
        };
        let _ready_or_gone = timeout(READY_WITHIN, is_ready).await;
        let token = self.scene.buyer(buyer);
        let http = self.scene.platform.http.clone();
        // The story ends with the server that it is told to.
        let mut telling = JoinSet::new();
        telling.spawn(tell_story(http, token, ticket.to_owned(), point.story));
        let killed = self.scene.platform.server(&name).ends_within(KILLED_WITHIN).await;
        assert!(killed, "{point}: was not passed");
    }

    /// Starts the point's server again and waits until it is ready.
    pub(crate) async fn goes_on(&mut self, point: Point) {
        let name = self.server_of(point);
        self.scene.platform.server(&name).restart().await;
    }

    /// Whether a call may be made while the point's server is away.
    pub(crate) const fn has_others(&self) -> bool {
        self.shape.is_distributed()
    }

    /// Waits until nothing is left to do about any booking, and all of these buyers' have ended in one of these ways.
    /// Gives how long that took since `from`.
    pub(crate) async fn at_rest(&self, buyers: &[usize], ends: &[&str], from: Instant) -> Duration {
        let left = || AT_REST_WITHIN.saturating_sub(from.elapsed());
        for &buyer in buyers {
            let token = self.scene.buyer(buyer);
            eventually_within(left(), "bookings have ended", || async {
                let all = all_rows(&self.scene.platform.http, &token, "bookings").await?;
                let status = |row: &Value| row["status"].as_str().unwrap_or_default().to_owned();
                let is_end = |row: &&Value| ends.contains(&status(row).as_str());
                all.iter().find(|row| !is_end(row)).map_or(Ok(()), |row| Err(row.to_string()))
            })
            .await;
        }
        eventually_within(left(), "nothing left to do", || async {
            let (code, said) = self.scene.platform.command(&["sagas", "list"]).await;
            let is_done = said.lines().any(|line| line == "0 bookings are not at rest");
            if code == 0 && is_done { Ok(()) } else { Err(format!("exit {code}: {said}")) }
        })
        .await;
        from.elapsed()
    }

    fn server_of(&self, point: Point) -> String {
        if self.has_others() { format!("{}-1", point.server) } else { "boxoffice".to_owned() }
    }
}

/// Whatever is answered, if anything: the server may end at any time.
async fn tell_story(http: HttpClient, token: String, ticket: String, story: Story) {
    let method = match story {
        Story::Expire | Story::PayAgain => "declined",
        Story::Book | Story::PayFirst | Story::Cancel => "ok",
    };
    let wish = json!({"ticketId": ticket, "quantity": 1, "paymentMethod": method});
    let key = format!("story-of-{ticket}");
    let booked = until_answered(&http, &token, "/v1/bookings", &key, wish).await;
    let (then, body) = match story {
        Story::Cancel => ("cancel", json!({})),
        Story::PayAgain => ("pay", json!({"paymentMethod": "ok"})),
        Story::Book | Story::PayFirst | Story::Expire => return,
    };
    let path = format!("/v1/bookings/{}:{then}", booked.text("bookingId"));
    let _answer = until_answered(&http, &token, &path, &format!("{then}-{key}"), body).await;
}
