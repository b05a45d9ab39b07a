//! Whether each server's memory stays flat under a hot sale: pieces of the last third of the time, each against the
//! piece of the second third before it. The first fills pools and caches.

use std::time::Duration;

use faults::resident::sampled;
use testkit::{Plan as Shaped, Shape};

use super::answered::Window;
use super::booking::{CAPACITY, WARM_UP};
use super::stage::Stage;
use crate::figures::MEMORY_GROWTH;
use crate::measurement::worst;
use crate::plan::Plan;
use crate::ratios::Spread;
use crate::report::Found;

const CALLERS: u16 = 256;
const LOOKED_AT_EVERY: Duration = Duration::from_secs(1);
/// What the requirement is about.
const TIME: Duration = Duration::from_mins(10);

/// Sells one hot ticket; a third of the time has as many pieces as there are rounds.
pub(crate) async fn find(plan: &Plan) -> Found {
    let mut found = Found::default();
    let stage = Stage::set(Shaped::of(Shape::Postgres)).await;
    let ticket = stage.tickets("Hot", 1, CAPACITY).await;
    let time = plan.time_or(TIME);
    let window = Window::after(WARM_UP, time);
    let callers = plan.callers.unwrap_or(CALLERS);
    let servers = stage.servers();
    let crowd = stage.watched(window, stage.crowd(callers, window, &ticket, |_, _| 0));
    let ((calls, used), samples) = sampled(&servers, LOOKED_AT_EVERY, crowd).await;
    found.measured("bookings", &calls.measured(window, &used), []);
    stage.close(&calls).await;
    let mut growths = vec![Vec::new(); usize::from(plan.rounds())];
    for (server, _) in servers {
        let taken: Vec<_> = samples.iter().filter_map(|sample| sample.get(&server)).collect();
        let third = taken.len() / 3;
        let median = |from: usize, count: usize| {
            Spread::of(taken.iter().skip(from).take(count).map(|taken| **taken)).median
        };
        let numbers = [
            ("first third MiB", median(0, third)),
            ("second MiB", median(third, third)),
            ("last MiB", median(third * 2, third)),
        ];
        found.step(&server, numbers);
        let piece = third / growths.len();
        for (number, growths) in growths.iter_mut().enumerate() {
            let from = third + number * piece;
            growths.push(median(from + third, piece) / median(from, piece));
        }
    }
    // None of them may grow.
    let claim = MEMORY_GROWTH.claimed(Spread::of(growths.into_iter().map(worst)));
    let claim = claim.under(format!("over {} s", time.as_secs()));
    found.claims.push(if time < TIME { claim.unjudged("too short") } else { claim });
    found
}
