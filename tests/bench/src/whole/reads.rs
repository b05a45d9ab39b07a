//! Reads: a ticket by its key against what tonic alone answers as fast as it can, and searches beside bookings against
//! searches by themselves.

use proto::boxoffice::ticket::v1::ticket_service_client::TicketServiceClient;
use proto::boxoffice::ticket::v1::{GetTicketRequest, SearchTicketsRequest};
use testkit::{Plan as Shaped, Shape};

use super::answered::{Calls, Window};
use super::booking::{CAPACITY, WARM_UP, scattered};
use super::callers::calls;
use super::hop;
use super::stage::{Stage, connected};
use crate::figures::{READS_BY_KEY, SEARCH_TAIL};
use crate::measurement::Measurement;
use crate::plan::Plan;
use crate::ratios::{Comparison, alternated};
use crate::report::Found;
use crate::stand_in::StandIn;

const CALLERS: u16 = 64;
/// Each waits for its page before it asks for another.
const SEARCHERS: u16 = 4;
const BUYERS: u16 = 64;
const TICKETS: usize = 20_000;
const CONNECTIONS: usize = 4;

/// Measures pairs of both, over one platform: nothing here makes its tables grow but the bookings.
pub(crate) async fn compare(plan: &Plan) -> Found {
    let stage = Stage::set(Shaped::of(Shape::Postgres)).await;
    let tickets = stage.tickets("Concert", TICKETS, CAPACITY).await;
    let callers = plan.callers.unwrap_or(CALLERS);
    let by_key = async |is_bare: &bool| {
        if *is_bare {
            hop::measure(StandIn::Bare, callers, plan).await
        } else {
            by_key(&stage, &tickets, callers, plan).await
        }
    };
    let reads = Comparison {
        name: "reads by key".to_owned(),
        callers,
        baseline: "bare tonic",
        ours: "by key",
        pairs: alternated(plan.rounds(), [("bare tonic", &true), ("by key", &false)], by_key).await,
    };
    let (searched, sides) = (std::cell::RefCell::new(Calls::default()), [0, BUYERS]);
    let search = async |buyers: &u16| {
        let (measured, booked) = search(&stage, &tickets, *buyers, plan).await;
        searched.borrow_mut().extend(booked);
        measured
    };
    let [nobody, buyers] = &sides;
    let sides = [("no bookings", nobody), ("bookings", buyers)];
    let searches = Comparison {
        name: format!("search of {TICKETS} tickets"),
        callers: SEARCHERS,
        baseline: "no bookings",
        ours: "bookings",
        pairs: alternated(plan.rounds(), sides, search).await,
    };
    let claims = vec![
        reads.claim(READS_BY_KEY, |measured| measured.per_second),
        searches.claim(SEARCH_TAIL, |measured| measured.p99_ms),
    ];
    stage.close(&searched.into_inner()).await;
    Found { comparisons: vec![reads, searches], claims, ..Found::default() }
}

async fn by_key(stage: &Stage, tickets: &[String], callers: u16, plan: &Plan) -> Measurement {
    let address = stage.scene.platform.grpc_addr("ticket");
    let mut channels = Vec::new();
    for _ in 0..CONNECTIONS {
        channels.push(connected(&address).await);
    }
    let window = Window::after(WARM_UP, plan.time());
    let tickets = tickets.to_vec();
    let calling = calls(callers, window, move |turn| {
        let channel = channels.get(turn % CONNECTIONS).cloned();
        let ticket = tickets.get(scattered(turn, 0) % tickets.len()).cloned();
        async move {
            let Some((channel, ticket_id)) = channel.zip(ticket) else { return false };
            let request = GetTicketRequest { ticket_id };
            TicketServiceClient::new(channel).get_ticket(request).await.is_ok()
        }
    });
    let ((waits, failed), used) = stage.watched(window, calling).await;
    Measurement::of(waits, failed, window.time(), &used)
}

/// Pages of those whose names begin with the same figures, some few and some many.
async fn search(
    stage: &Stage,
    tickets: &[String],
    buyers: u16,
    plan: &Plan,
) -> (Measurement, Calls) {
    let channel = connected(&stage.scene.platform.grpc_addr("ticket")).await;
    let window = Window::after(WARM_UP, plan.time());
    let booking = stage.crowd(buyers, window, tickets, scattered);
    let searching = calls(SEARCHERS, window, move |turn| {
        let channel = channel.clone();
        let query = format!("Concert {}", scattered(turn, 0) % TICKETS);
        async move {
            let request = SearchTicketsRequest { query, ..SearchTicketsRequest::default() };
            TicketServiceClient::new(channel).search_tickets(request).await.is_ok()
        }
    });
    let (((waits, failed), used), booked) = tokio::join!(stage.watched(window, searching), booking);
    (Measurement::of(waits, failed, window.time(), &used), booked)
}
