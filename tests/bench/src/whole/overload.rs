//! More than the servers can do: buyers come by chance at multiples of the capacity that was measured just before,
//! whether they are answered or not, and each answer's time counts from when it was due. What is too much is refused
//! early; the rest is served as well as ever. With the limits a server has by default.

use std::time::Duration;

use faults::resident::{Sample, peaks, sampled};
use testkit::{Plan as Shaped, Shape};

use super::answered::{Answer, Window};
use super::booking::{CAPACITY, WARM_UP};
use super::buyers::Asking;
use super::flood;
use super::stage::Stage;
use crate::figures::{FLOOD_FELT, FLOOD_GOODPUT, FLOOD_REFUSALS, OVERLOAD_GOODPUT, OVERLOAD_TAIL};
use crate::measurement::{Measurement, as_number, told, worst};
use crate::plan::Plan;
use crate::ratios::{Spread, undisturbed};
use crate::report::Found;

const CALLERS: u16 = 256;
const MULTIPLES: [f64; 4] = [0.5, 1.0, 2.0, 4.0];
const SEED: u64 = 8;
const LOOKED_AT_EVERY: Duration = Duration::from_millis(250);
/// What figure G8 is about.
const AT: f64 = 2.0;

/// Measures the capacity, then each multiple of it on a fresh platform; so in each round.
pub(crate) async fn find(plan: &Plan) -> Found {
    let mut found = Found::default();
    let callers = plan.callers.unwrap_or(CALLERS);
    let (mut kept, mut tails) = (Vec::new(), Vec::new());
    let (mut flooded, mut refusals, mut felt) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=plan.rounds() {
        let capacity = async || told(capacity(callers, plan).await);
        let capacity = undisturbed(plan.rounds(), capacity).await;
        found.measured(format!("round {round}: capacity, {callers} callers"), &capacity, []);
        let (mut peak, mut at_twice) = (capacity.per_second, (f64::NAN, f64::NAN));
        for multiple in MULTIPLES {
            let rate = capacity.per_second * multiple;
            let offered = undisturbed(plan.rounds(), async || offer(rate, plan).await).await;
            let (measured, more) = (&offered.measured, offered.more());
            found.measured(format!("round {round}: {multiple} x capacity"), measured, more);
            peak = worst([peak, measured.per_second]);
            if multiple.total_cmp(&AT).is_eq() {
                at_twice = (measured.per_second, measured.p99_ms);
            }
        }
        kept.push(at_twice.0 / peak);
        tails.push(at_twice.1);
        let flood = flood::offer(capacity.per_second, plan).await;
        let more = [
            ("refused".to_owned(), as_number(flood.refused)),
            ("refusal p99 ms".to_owned(), flood.refusal_p99_ms),
            ("felt for s".to_owned(), flood.felt_for_s),
        ];
        let name = format!("round {round}: {} x capacity for a minute", flood::MULTIPLE);
        found.measured(name, &flood.measured, more);
        flooded.push(flood.measured.per_second / peak);
        refusals.push(flood.refusal_p99_ms);
        felt.push(flood.felt_for_s);
    }
    found.claims.push(OVERLOAD_GOODPUT.claimed(Spread::of(kept)));
    found.claims.push(OVERLOAD_TAIL.claimed(Spread::of(tails)));
    found.claims.push(FLOOD_GOODPUT.claimed(Spread::of(flooded)));
    found.claims.push(FLOOD_REFUSALS.claimed(Spread::of(refusals)));
    found.claims.push(FLOOD_FELT.claimed(Spread::of(felt)));
    found
}

async fn capacity(callers: u16, plan: &Plan) -> Measurement {
    let (stage, ticket) = fresh().await;
    let window = Window::after(WARM_UP, plan.time());
    let load = stage.crowd(callers, window, &ticket, |_, _| 0);
    let (calls, used) = stage.watched(window, load).await;
    stage.close(&calls).await;
    calls.measured(window, &used)
}

/// What came of so many a second.
struct Offered {
    measured: Measurement,
    per_second: f64,
    refused: usize,
    unclear: usize,
    peaks: Sample,
}

async fn offer(per_second: f64, plan: &Plan) -> (Offered, f64) {
    let (stage, ticket) = fresh().await;
    let window = Window::after(WARM_UP, plan.time());
    let servers = stage.servers();
    let arrivals = stage.arrivals((per_second, SEED), window, &ticket, Asking::Once);
    let watched = stage.watched(window, arrivals);
    let ((calls, used), samples) = sampled(&servers, LOOKED_AT_EVERY, watched).await;
    let offered = Offered {
        measured: calls.offered(window, &used),
        per_second,
        refused: calls.count(&Answer::Shed),
        unclear: calls.count(&Answer::Unclear),
        peaks: peaks(&samples),
    };
    stage.close(&calls).await;
    (offered, used.others_percent)
}

impl Offered {
    fn more(&self) -> impl Iterator<Item = (String, f64)> {
        let numbers = [
            ("offered/s", self.per_second),
            ("refused", as_number(self.refused)),
            ("unclear", as_number(self.unclear)),
        ];
        let numbers = numbers.into_iter().map(|(name, number)| (name.to_owned(), number));
        numbers.chain(as_numbers(&self.peaks))
    }
}

fn as_numbers(sample: &Sample) -> impl Iterator<Item = (String, f64)> {
    sample.iter().map(|(name, mebibytes)| (format!("{name} MiB"), *mebibytes))
}

pub(crate) async fn fresh() -> (Stage, Vec<String>) {
    let stage = Stage::set(Shaped::of(Shape::Postgres)).await;
    let ticket = stage.tickets("Hot", 1, CAPACITY).await;
    (stage, ticket)
}
