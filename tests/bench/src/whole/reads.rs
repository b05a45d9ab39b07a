//! Reads: a ticket by its key against what tonic alone answers as fast as it can, and searches beside bookings against
//! searches by themselves.

use std::cell::RefCell;

use proto::boxoffice::ticket::v1::ticket_service_client::TicketServiceClient;
use proto::boxoffice::ticket::v1::{GetTicketRequest, SearchTicketsRequest};
use testkit::{Plan as Shaped, Shape};
use tokio::time::Instant;

use super::answered::{Calls, Window};
use super::booking::{CAPACITY, WARM_UP, scattered};
use super::books::{opened, run};
use super::callers::calls;
use super::hop;
use super::stage::{Stage, connected};
use crate::catalogue::{copied, copy_of};
use crate::figures::{Claim, READS_BY_KEY, SEARCH_TAIL};
use crate::measurement::Measurement;
use crate::plan::{Plan, TICKETS};
use crate::ratios::{Comparison, alternated};
use crate::report::Found;
use crate::stand_in::StandIn;

const CALLERS: u16 = 64;
/// Each waits for its page before it asks for another.
const SEARCHERS: u16 = 4;
const BUYERS: u16 = 64;
const CONNECTIONS: usize = 4;
/// So many are registered, the others are copies.
const REGISTERED: usize = 1_000;
/// No identifier of a copy is so great, and every other one is greater.
const COPIES_END: &str = "'01'";

/// Measures pairs of both, over one platform: nothing here makes its tables grow but the bookings.
pub(crate) async fn compare(plan: &Plan) -> Found {
    let catalogue = Catalogue::lay(plan.tickets).await;
    let callers = plan.callers.unwrap_or(CALLERS);
    let by_key = async |is_bare: &bool| {
        if *is_bare {
            hop::measure(StandIn::Bare, callers, plan).await
        } else {
            catalogue.by_key(callers, plan).await
        }
    };
    let reads = Comparison {
        name: format!("reads by key among {} tickets", plan.tickets),
        callers,
        baseline: "bare tonic",
        ours: "by key",
        pairs: alternated(plan.rounds(), [("bare tonic", &true), ("by key", &false)], by_key).await,
    };
    let search = async |buyers: &u16| catalogue.search(*buyers, plan).await;
    let sides = [("no bookings", &0), ("bookings", &BUYERS)];
    let searches = Comparison {
        name: format!("search of {} tickets", plan.tickets),
        callers: SEARCHERS,
        baseline: "no bookings",
        ours: "bookings",
        pairs: alternated(plan.rounds(), sides, search).await,
    };
    let claims = [
        reads.claim(READS_BY_KEY, |measured| measured.per_second),
        searches.claim(SEARCH_TAIL, |measured| measured.p99_ms),
    ];
    let told = |claim: Claim| {
        let claim = claim.under(format!("{} tickets", plan.tickets));
        if plan.tickets < TICKETS { claim.unjudged("too few tickets") } else { claim }
    };
    let claims = claims.map(told).into();
    catalogue.close().await;
    Found { comparisons: vec![reads, searches], claims, ..Found::default() }
}

/// A platform with many tickets, and what was booked of those that were registered.
struct Catalogue {
    stage: Stage,
    registered: Vec<String>,
    rounds: u64,
    booked: RefCell<Calls>,
}

impl Catalogue {
    async fn lay(tickets: u64) -> Self {
        let stage = Stage::set(Shaped::of(Shape::Postgres)).await;
        let registered = stage.tickets("Concert", REGISTERED, CAPACITY).await;
        let rounds = tickets.div_ceil(REGISTERED as u64);
        let (database, begun) =
            (opened(&stage.scene.platform.database_url("ticket")).await, Instant::now());
        for round in 1..rounds {
            for sql in copied(round, &format!("> {COPIES_END}")) {
                run(&database, &sql).await;
            }
        }
        // Else the database would do it while searches are measured.
        for table in ["ticket", "stock"] {
            run(&database, &format!("VACUUM ANALYZE {table}")).await;
        }
        println!("{tickets} tickets after {:.0?}", begun.elapsed());
        Self { stage, registered, rounds, booked: RefCell::default() }
    }

    /// Any of all tickets, copies among them.
    fn ids(&self) -> impl Fn(usize) -> String + Clone + Send + 'static {
        let (registered, rounds) = (self.registered.clone(), self.rounds);
        move |number| {
            let number = scattered(number, 0);
            let original = registered.get(number % registered.len()).map_or("", String::as_str);
            match (number / registered.len()) as u64 % rounds {
                0 => original.to_owned(),
                round => copy_of(original, round),
            }
        }
    }

    async fn by_key(&self, callers: u16, plan: &Plan) -> Measurement {
        let address = self.stage.scene.platform.grpc_addr("ticket");
        let mut channels = Vec::new();
        for _ in 0..CONNECTIONS {
            channels.push(connected(&address).await);
        }
        let window = Window::after(WARM_UP, plan.time());
        let id = self.ids();
        let calling = calls(callers, window, move |turn| {
            let (channel, ticket_id) = (channels.get(turn % CONNECTIONS).cloned(), id(turn));
            async move {
                let Some(channel) = channel else { return false };
                let request = GetTicketRequest { ticket_id };
                TicketServiceClient::new(channel).get_ticket(request).await.is_ok()
            }
        });
        let ((waits, failed), used) = self.stage.watched(window, calling).await;
        Measurement::of(waits, failed, window.time(), &used)
    }

    /// Pages of those whose names have a number that begins with some figures: of some few and of some many.
    async fn search(&self, buyers: u16, plan: &Plan) -> Measurement {
        let channel = connected(&self.stage.scene.platform.grpc_addr("ticket")).await;
        let window = Window::after(WARM_UP, plan.time());
        let booking = self.stage.crowd(buyers, window, &self.registered, scattered);
        let searching = calls(SEARCHERS, window, move |turn| {
            let channel = channel.clone();
            let query = format!("Concert {}", scattered(turn, 0) % REGISTERED);
            async move {
                let request = SearchTicketsRequest { query, ..SearchTicketsRequest::default() };
                TicketServiceClient::new(channel).search_tickets(request).await.is_ok()
            }
        });
        let searching = self.stage.watched(window, searching);
        let (((waits, failed), used), booked) = tokio::join!(searching, booking);
        self.booked.borrow_mut().extend(booked);
        Measurement::of(waits, failed, window.time(), &used)
    }

    /// The copies have no books.
    async fn close(self) {
        let database = opened(&self.stage.scene.platform.database_url("ticket")).await;
        for (table, id) in [("stock", "ticket_id"), ("ticket", "id")] {
            run(&database, &format!("DELETE FROM {table} WHERE {id} < {COPIES_END}")).await;
        }
        self.stage.close(&self.booked.into_inner()).await;
    }
}
