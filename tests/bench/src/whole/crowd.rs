//! Two thousand for a hundred places, all at once: exactly a hundred are sold, and all others know soon that there is
//! nothing left. With the limits a server has by default: who is refused for want of room asks again with the same
//! idempotency key, as late as it was told, and has waited since its first try. The servers have sold something else
//! before: connections that nobody has used yet cost the first to come a fifth of their wait.

use std::time::Duration;

use testkit::{Plan as Shaped, Shape};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::answered::{Answer, Call, Calls, Window};
use super::booking::{CAPACITY, WARM_UP};
use super::stage::Stage;
use crate::figures::CROWD_TAIL;
use crate::measurement::{Measurement, as_number, worst};
use crate::plan::Plan;
use crate::processor::Watch;
use crate::ratios::{Spread, undisturbed};
use crate::report::Found;

const CLIENTS: u16 = 2_000;
const PLACES: u32 = 100;
const EARLIER_CLIENTS: u16 = 16;
/// Beside other sales a crowd goes in groups, and takes as long as is fair to them: that is what `fairness` measures.
const QUIET: Duration = Duration::from_secs(2);

/// Sells out over each engine, and with two replicas of ticket and booking; so in each round.
pub(crate) async fn find(plan: &Plan) -> Found {
    let mut found = Found::default();
    let cases: [(_, fn() -> Shaped); 4] = [
        ("sqlite, one process", || Shaped::of(Shape::Embedded)),
        ("postgres", || Shaped::of(Shape::Postgres)),
        ("mariadb, one process", || Shaped::of(Shape::MariaDb)),
        ("postgres, two replicas", || Shaped {
            replicas: 2,
            replicated: &["ticket", "booking"],
            ..Shaped::of(Shape::Postgres)
        }),
    ];
    let clients = plan.callers.unwrap_or(CLIENTS);
    let mut slowest = Vec::new();
    for round in 1..=plan.rounds() {
        let mut tails = Vec::new();
        for (case, shaped) in cases {
            let sold_out = async || sell_out(case, shaped(), clients).await;
            let (sold_out, more) = undisturbed(plan.rounds(), sold_out).await;
            found.measured(format!("round {round}: {case}"), &sold_out, more);
            tails.push(sold_out.p99_ms);
        }
        // Every engine has to: the slowest counts.
        slowest.push(worst(tails));
    }
    found.claims.push(CROWD_TAIL.claimed(Spread::of(slowest)));
    found
}

/// What it took until clients knew that there is nothing left, and how often each answer was given.
type SoldOut = (Measurement, Vec<(String, f64)>);

async fn sell_out(case: &str, shaped: Shaped, clients: u16) -> (SoldOut, f64) {
    let stage = Stage::set(shaped).await;
    let ticket = stage.register("Hot", PLACES).await;
    let other = stage.tickets("Other", 1, CAPACITY).await;
    let earlier = Window::after(Duration::ZERO, WARM_UP);
    let earlier = stage.crowd(EARLIER_CLIENTS, earlier, &other, |_, _| 0).await;
    let sold_before = stage.settled(&earlier).await;
    sleep(QUIET).await;
    let (watch, begun) = (Watch::begin(stage.scene.processes()), Instant::now());
    let mut wishing = JoinSet::new();
    for number in 0..usize::from(clients) {
        let (buyer, ticket) = (stage.buyer(number), ticket.clone());
        wishing.spawn(async move {
            buyer.until_definite(&ticket, &format!("client-{number}"), begun).await
        });
    }
    let mut calls = Calls::default();
    wishing.join_all().await.into_iter().for_each(|wishes| calls.extend(wishes));
    let (took, used) = (begun.elapsed(), watch.end());
    let refused = calls.0.iter().filter(|call| call.answer == Answer::SoldOut);
    let waits: Vec<_> = refused.map(Call::took).collect();
    let told = calls.bookings().count();
    let numbers = [
        ("clients", f64::from(clients)),
        ("told confirmed", as_number(told)),
        ("told sold out", as_number(waits.len())),
        ("refused for want of room", as_number(calls.count(&Answer::Shed))),
        ("unclear", as_number(calls.count(&Answer::Unclear))),
        ("all answered after ms", took.as_secs_f64() * 1000.0),
    ];
    let numbers = numbers.map(|(name, number)| (name.to_owned(), number)).into();
    calls.extend(earlier);
    let sold = stage.close(&calls).await - sold_before;
    let places = usize::try_from(PLACES.min(clients.into()));
    assert_eq!((Ok(sold), Ok(told)), (places, places), "{case}: sold, and told to be");
    ((Measurement::of(waits, 0, took, &used), numbers), used.others_percent)
}
