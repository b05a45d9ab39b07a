//! Two thousand for a hundred places, all at once: exactly a hundred are sold, and all others know soon that there is
//! nothing left. With the limits a server has by default, so that who is refused for want of room asks again.

use std::time::Duration;

use testkit::{Plan as Shaped, Shape};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::answered::{Answer, Call, Calls, percentile_ms};
use super::buyers::Buyer;
use super::stage::Stage;
use crate::figures::CROWD_TAIL;
use crate::measurement::as_number;
use crate::plan::Plan;
use crate::ratios::Spread;
use crate::report::Found;

const CLIENTS: u16 = 2_000;
const PLACES: u32 = 100;
/// Until then everybody has a definite answer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(120);

/// Sells out over each engine, and with two replicas of ticket and booking.
pub(crate) async fn find(plan: &Plan) -> Found {
    let (mut found, mut tails) = (Found::default(), Vec::new());
    let two =
        Shaped { replicas: 2, replicated: &["ticket", "booking"], ..Shaped::of(Shape::Postgres) };
    let cases = [
        ("sqlite, one process", Shaped::of(Shape::Embedded)),
        ("postgres", Shaped::of(Shape::Postgres)),
        ("mariadb, one process", Shaped::of(Shape::MariaDb)),
        ("postgres, two replicas", two),
    ];
    let clients = plan.callers.unwrap_or(CLIENTS);
    for (case, shaped) in cases {
        tails.push(sell_out(case, shaped, clients, &mut found).await);
    }
    // Every engine has to: the slowest counts.
    let slowest = tails.into_iter().fold(0.0, f64::max);
    found.claims.push(CROWD_TAIL.claimed(Spread::of([slowest].into_iter())));
    found
}

async fn sell_out(case: &str, shaped: Shaped, clients: u16, found: &mut Found) -> f64 {
    let stage = Stage::set(shaped).await;
    let ticket = stage.register("Hot", PLACES).await;
    let begun = Instant::now();
    let mut wishing = JoinSet::new();
    for number in 0..usize::from(clients) {
        wishing.spawn(until_definite(stage.buyer(number), ticket.clone(), begun));
    }
    let mut calls = Calls::default();
    for wishes in wishing.join_all().await {
        calls.extend(wishes);
    }
    let took = begun.elapsed();
    let sold_out = || calls.0.iter().filter(|call| call.answer == Answer::SoldOut);
    let p99_ms = percentile_ms(sold_out().map(Call::took), 99);
    let since_first_ms = percentile_ms(sold_out().map(|call| call.answered - begun), 99);
    let numbers = [
        ("clients", f64::from(clients)),
        ("sold-out p99 ms", p99_ms),
        ("the same from the first try", since_first_ms),
        ("told confirmed", as_number(calls.bookings().count())),
        ("told sold out", as_number(sold_out().count())),
        ("refused for want of room", as_number(calls.count(&Answer::Shed))),
        ("unclear", as_number(calls.count(&Answer::Unclear))),
        ("all answered after ms", took.as_secs_f64() * 1000.0),
    ];
    found.step(case, numbers);
    let sold = stage.close(&calls).await;
    assert_eq!(u32::try_from(sold), Ok(PLACES), "{case}: sold of {PLACES}");
    p99_ms
}

/// Asks until it has a booking or knows that there is none to have.
async fn until_definite(buyer: Buyer, ticket: String, begun: Instant) -> Calls {
    let mut calls = Calls::default();
    loop {
        let (call, later) = buyer.wish(&ticket, Instant::now()).await;
        let definite = call.is_confirmed() || call.answer == Answer::SoldOut;
        calls.0.push(call);
        if definite {
            return calls;
        }
        assert!(begun.elapsed() < ANSWERED_WITHIN, "no definite answer: {:?}", calls.0.last());
        sleep(later).await;
    }
}
