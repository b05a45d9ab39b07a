//! Whether each server's memory stays flat under a hot sale: in the last third of the time it takes what it took in
//! the second one. The first fills pools and caches.

use std::time::Duration;

use testkit::{Plan as Shaped, Shape};

use super::answered::Window;
use super::booking::{CAPACITY, WARM_UP};
use super::resident::{Sample, sampled};
use super::stage::Stage;
use crate::figures::MEMORY_GROWTH;
use crate::plan::Plan;
use crate::processor::Used;
use crate::ratios::Spread;
use crate::report::Found;

const CALLERS: u16 = 256;
const LOOKED_AT_EVERY: Duration = Duration::from_secs(1);

/// Sells one hot ticket for as long as is planned: ten minutes are what counts.
pub(crate) async fn find(plan: &Plan) -> Found {
    let mut found = Found::default();
    let stage = Stage::set(Shaped::of(Shape::Postgres)).await;
    let ticket = stage.tickets("Hot", 1, CAPACITY).await;
    let window = Window::after(WARM_UP, plan.time());
    let callers = plan.callers.unwrap_or(CALLERS);
    let servers = stage.servers();
    let crowd = stage.crowd(callers, window, &ticket, |_, _| 0);
    let (calls, samples) = sampled(&servers, LOOKED_AT_EVERY, crowd).await;
    let measured = calls.measured(window, &Used::default());
    found.step("bookings", [("rate/s", measured.per_second), ("p99 ms", measured.p99_ms)]);
    let mut growths = Vec::new();
    let third = samples.len() / 3;
    let thirds = [0, third, third * 2];
    for (server, _) in servers {
        let medians = thirds.map(|from| median(samples.iter().skip(from).take(third), &server));
        let [first, second, last] = medians;
        let growth = last / second;
        let numbers = [
            ("first third MiB", first),
            ("second MiB", second),
            ("last MiB", last),
            ("last / second, %", growth * 100.0),
        ];
        found.step(&server, numbers);
        growths.push(growth);
    }
    // None of them may grow.
    let most = growths.into_iter().fold(0.0, f64::max);
    found.claims.push(MEMORY_GROWTH.claimed(Spread::of([most].into_iter())));
    stage.close(&calls).await;
    found
}

fn median<'a>(samples: impl Iterator<Item = &'a Sample>, server: &str) -> f64 {
    let mut numbers: Vec<_> = samples.filter_map(|sample| sample.get(server).copied()).collect();
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}
