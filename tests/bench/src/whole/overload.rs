//! More than the servers can do: buyers come by chance at multiples of the capacity that was measured just before,
//! whether they are answered or not, and each answer's time counts from when it was due. What is too much is refused
//! early; the rest is served as well as ever. With the limits a server has by default.

use std::time::Duration;

use testkit::{Plan as Shaped, Shape};

use super::answered::{Answer, Calls, Window};
use super::booking::{CAPACITY, WARM_UP};
use super::resident::{Sample, peaks, sampled};
use super::stage::Stage;
use crate::figures::{OVERLOAD_GOODPUT, OVERLOAD_TAIL};
use crate::measurement::as_number;
use crate::plan::Plan;
use crate::processor::Used;
use crate::ratios::Spread;
use crate::report::Found;

const CALLERS: u16 = 256;
const MULTIPLES: [f64; 4] = [0.5, 1.0, 2.0, 4.0];
const SEED: u64 = 8;
const LOOKED_AT_EVERY: Duration = Duration::from_millis(250);
/// What figure G8 is about.
const AT: f64 = 2.0;

/// Measures the capacity, then each multiple of it on a fresh platform.
pub(crate) async fn find(plan: &Plan) -> Found {
    let mut found = Found::default();
    let (stage, ticket) = fresh().await;
    let window = Window::after(WARM_UP, plan.time());
    let callers = plan.callers.unwrap_or(CALLERS);
    let calls = stage.crowd(callers, window, &ticket, |_, _| 0).await;
    stage.close(&calls).await;
    let capacity = calls.measured(window, &Used::default());
    let numbers = [("goodput/s", capacity.per_second), ("p99 ms", capacity.p99_ms)];
    found.step(format!("capacity, {callers} callers"), numbers);
    let (mut peak, mut at_twice) = (capacity.per_second, (0.0, 0.0));
    for multiple in MULTIPLES {
        let (goodput, p99_ms) = offer(multiple, capacity.per_second, plan, &mut found).await;
        peak = goodput.max(peak);
        if multiple.total_cmp(&AT).is_eq() {
            at_twice = (goodput, p99_ms);
        }
    }
    let once = |number: f64| Spread::of([number].into_iter());
    found.claims.push(OVERLOAD_GOODPUT.claimed(once(at_twice.0 / peak)));
    found.claims.push(OVERLOAD_TAIL.claimed(once(at_twice.1)));
    found
}

async fn offer(multiple: f64, capacity: f64, plan: &Plan, found: &mut Found) -> (f64, f64) {
    let (stage, ticket) = fresh().await;
    let window = Window::after(WARM_UP, plan.time());
    let servers = stage.servers();
    let offered = capacity * multiple;
    let arrivals = stage.arrivals(offered, SEED, window, &ticket);
    let watched = stage.watched(window, arrivals);
    let ((calls, used), samples) = sampled(&servers, LOOKED_AT_EVERY, watched).await;
    let goodput = goodput(&calls, window);
    let measured = calls.measured(window, &used);
    let shed = calls.0.iter().filter(|call| call.answer == Answer::Shed);
    let numbers = [
        ("offered/s", offered),
        ("goodput/s", goodput),
        ("p50 ms", measured.p50_ms),
        ("p99 ms", measured.p99_ms),
        ("refused", as_number(shed.count())),
        ("unclear", as_number(calls.count(&Answer::Unclear))),
        ("others took %", measured.others_percent),
    ];
    let numbers = numbers.into_iter().map(|(name, number)| (name.to_owned(), number));
    let peaks = peaks(&samples);
    let numbers = numbers.chain(as_numbers(&peaks));
    found.step(format!("{multiple} x capacity"), numbers);
    stage.close(&calls).await;
    (goodput, measured.p99_ms)
}

/// Confirmed within the window, whenever they were due.
fn goodput(calls: &Calls, window: Window) -> f64 {
    let in_time = calls.0.iter().filter(|call| call.is_confirmed() && window.holds(call.answered));
    as_number(in_time.count()) / window.time().as_secs_f64()
}

fn as_numbers(sample: &Sample) -> impl Iterator<Item = (String, f64)> {
    sample.iter().map(|(name, mebibytes)| (format!("{name} MiB"), *mebibytes))
}

async fn fresh() -> (Stage, Vec<String>) {
    let stage = Stage::set(Shaped::of(Shape::Postgres)).await;
    let ticket = stage.tickets("Hot", 1, CAPACITY).await;
    (stage, ticket)
}
