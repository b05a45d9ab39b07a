//! A provider that takes five seconds for every charge, under 255 callers, with the breaker and without it (rows N03 and
//! X02): how many buyers a second have an answer that they can go by, paid or to be paid later; and what reading a
//! ticket takes beside them. Nobody may be left without such an answer.

use std::time::Duration;

use proto::boxoffice::ticket::v1::GetTicketRequest;
use proto::boxoffice::ticket::v1::ticket_service_client::TicketServiceClient;
use tokio::time::{Instant, sleep_until};

use super::answered::{Answer, Window};
use super::booking::{CAPACITY, roomy};
use super::stage::{Stage, connected};
use crate::figures::{PAY_LATER, READS_BESIDE_A_SLOW_PROVIDER};
use crate::measurement::Measurement;
use crate::plan::Plan;
use crate::processor::Used;
use crate::ratios::{Comparison, Spread, alternated};
use crate::report::Found;

const CALLERS: u16 = 255;
/// The provider's: `slow` is a means of payment that takes five seconds.
const METHOD: &str = "slow";
const SLOW: Duration = Duration::from_secs(5);
/// Until the first charges have ended and the breaker knows.
const WARM_UP: Duration = Duration::from_secs(10);
const TIME: Duration = Duration::from_secs(30);
const READ_EVERY: Duration = Duration::from_millis(20);
const READ_ALONE: Duration = Duration::from_secs(5);

/// Measures pairs; reads are judged by those beside callers who all wait for the provider, against reads alone: beside
/// those whom the breaker answers bookings have the processors. The callers come one after the other; who waits the same
/// time for everything would stay one wave of 255 bookings at once, and that is another question.
pub(crate) async fn compare(plan: &Plan) -> Found {
    let mut found = Found::default();
    let callers = plan.callers.unwrap_or(CALLERS);
    let reads = std::sync::Mutex::new(Vec::new());
    let measured = async |breaker: &&'static str| {
        let (measurement, alone, beside) = measure(breaker, callers, plan).await;
        if let Ok(mut reads) = reads.lock() {
            reads.push((*breaker, alone, beside));
        }
        measurement
    };
    let comparison = Comparison {
        name: "answers that a buyer can go by".to_owned(),
        callers,
        baseline: "no breaker",
        ours: "breaker",
        pairs: alternated(plan.rounds(), [("no breaker", &"off"), ("breaker", &"on")], measured)
            .await,
    };
    found.claims.push(comparison.claim(PAY_LATER, |measured| measured.per_second));
    let reads = reads.into_inner().unwrap_or_default();
    for (breaker, alone, beside) in &reads {
        let numbers = [("alone p99 ms", *alone), ("beside p99 ms", *beside)];
        found.step(format!("reads, breaker {breaker}"), numbers);
    }
    let without = reads.iter().filter(|(breaker, ..)| *breaker == "off");
    let slowed = without.map(|(_, alone, beside)| beside / alone);
    found.claims.push(READS_BESIDE_A_SLOW_PROVIDER.claimed(Spread::of(slowed)));
    found.comparisons.push(comparison);
    found
}

async fn measure(breaker: &str, callers: u16, plan: &Plan) -> (Measurement, f64, f64) {
    let mut stage = Stage::set(roomy().with("PAYMENT_BREAKER", breaker)).await;
    stage.method = METHOD;
    let tickets = stage.tickets("Hot", 1, CAPACITY).await;
    let ticket = tickets.first().cloned().unwrap_or_default();
    let alone = reads(&stage, &ticket, Window::after(Duration::ZERO, READ_ALONE)).await;
    let window = Window::after(WARM_UP, plan.time_or(TIME));
    let load = stage.crowd_within(SLOW, callers, window, &tickets, |_, _| 0);
    let load = stage.watched(window, load);
    let ((calls, used), beside) = tokio::join!(load, reads(&stage, &ticket, window));
    let unclear = calls.count(&Answer::Unclear) + calls.count(&Answer::Shed);
    assert_eq!(unclear, 0, "left without an answer to go by");
    println!(
        "breaker {breaker}: {} to be paid later, {} confirmed",
        calls.count(&Answer::PayLater),
        calls.bookings().count()
    );
    let measured = calls.booked(window, &used);
    stage.close(&calls).await;
    (measured, p99_ms(alone), p99_ms(beside))
}

/// How long it takes to read a ticket, at a steady rate.
async fn reads(stage: &Stage, ticket: &str, window: Window) -> Vec<Duration> {
    let channel = connected(&stage.scene.platform.grpc_addr("ticket")).await;
    let mut tickets = TicketServiceClient::new(channel);
    let (mut waits, mut due) = (Vec::new(), window.from);
    while due < window.until {
        sleep_until(due).await;
        let read = tickets.get_ticket(GetTicketRequest { ticket_id: ticket.to_owned() }).await;
        read.unwrap_or_else(|error| panic!("{error}"));
        waits.push(Instant::now().saturating_duration_since(due));
        due += READ_EVERY;
    }
    waits
}

fn p99_ms(waits: Vec<Duration>) -> f64 {
    Measurement::of(waits, 0, Duration::from_secs(1), &Used::default()).p99_ms
}
