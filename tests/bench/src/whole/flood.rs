//! A minute of three times what the servers can do, and what comes after it: who is refused hears so early and is told
//! when to come again, and the next who come are served as if nothing had been (reliability.md, row 32).

use std::time::Duration;

use super::answered::{Answer, Call, Calls, Window};
use super::booking::WARM_UP;
use super::buyers::Asking;
use super::overload::fresh;
use crate::measurement::{Measurement, percentile_ms};
use crate::plan::Plan;

pub(crate) const MULTIPLE: f64 = 3.0;
const LASTS: Duration = Duration::from_secs(60);
const SEED: u64 = 32;
/// What the servers have afterwards.
const CALM: f64 = 0.5;
const CALM_LASTS: Duration = Duration::from_secs(15);
/// Whoever waits longer then is not served as if nothing had been.
const PROMPT: Duration = Duration::from_millis(500);

/// What came of it.
pub(crate) struct Flood {
    pub(crate) measured: Measurement,
    pub(crate) refused: usize,
    pub(crate) refusal_p99_ms: f64,
    /// How long after its end somebody still came who was refused, or served late.
    pub(crate) felt_for_s: f64,
}

/// Offers it to a fresh platform whose capacity is known.
pub(crate) async fn offer(capacity_per_second: f64, plan: &Plan) -> Flood {
    let (stage, ticket) = fresh().await;
    let lasts = plan.seconds.map_or(LASTS, |seconds| Duration::from_secs(seconds.into()));
    let window = Window::after(WARM_UP, lasts);
    let rate = capacity_per_second * MULTIPLE;
    let arrivals = stage.arrivals((rate, SEED), window, &ticket, Asking::Once);
    // What comes afterwards does not wait for those that are still under way.
    let calm = async {
        tokio::time::sleep_until(window.until).await;
        let calm = Window::after(Duration::ZERO, CALM_LASTS);
        let rate = capacity_per_second * CALM;
        stage.arrivals((rate, SEED), calm, &ticket, Asking::Once).await
    };
    let ((mut calls, used), after) = tokio::join!(stage.watched(window, arrivals), calm);
    let measured = calls.offered(window, &used);
    let refusal_p99_ms = refusals_p99_ms(&calls, window);
    let refused = calls.count(&Answer::Shed);
    let felt_for_s = felt_for(&after, window).as_secs_f64();
    calls.extend(after);
    stage.close(&calls).await;
    Flood { measured, refused, refusal_p99_ms, felt_for_s }
}

fn refusals_p99_ms(calls: &Calls, window: Window) -> f64 {
    let refused = calls.0.iter().filter(|call| call.answer == Answer::Shed);
    let refused = refused.filter(|call| window.holds(call.due));
    let mut waits: Vec<_> = refused.map(Call::took).collect();
    waits.sort_unstable();
    percentile_ms(&waits, 990)
}

fn felt_for(after: &Calls, window: Window) -> Duration {
    let felt = after.0.iter().filter(|call| !call.is_confirmed() || call.took() > PROMPT);
    felt.map(|call| call.due.saturating_duration_since(window.until)).max().unwrap_or_default()
}
