//! Two replicas of ticket and of booking against one of each, and one hot ticket: no leader shares it out, and it is
//! sold exactly.

use testkit::Plan as Shaped;

use super::answered::Window;
use super::booking::{CAPACITY, WARM_UP, roomy};
use super::stage::Stage;
use crate::figures::REPLICAS;
use crate::measurement::Measurement;
use crate::plan::Plan;
use crate::ratios::{Comparison, alternated};
use crate::report::Found;

const CALLERS: u16 = 256;

/// Measures pairs.
pub(crate) async fn compare(plan: &Plan) -> Found {
    let callers = plan.callers.unwrap_or(CALLERS);
    let measured = async |replicas: &usize| measure(*replicas, callers, plan).await;
    let comparison = Comparison {
        name: "replicas of ticket and booking".to_owned(),
        callers,
        baseline: "one",
        ours: "two",
        pairs: alternated(plan.rounds(), [("one", &1), ("two", &2)], measured).await,
    };
    let claims = vec![comparison.claim(REPLICAS, |measured| measured.per_second)];
    Found { comparisons: vec![comparison], claims, ..Found::default() }
}

async fn measure(replicas: usize, callers: u16, plan: &Plan) -> Measurement {
    let shaped = Shaped { replicas, replicated: &["ticket", "booking"], ..roomy() };
    let mut stage = Stage::set(shaped).await;
    let ticket = stage.tickets("Hot", 1, CAPACITY).await;
    stage.leave_alone().await;
    let window = Window::after(WARM_UP, plan.time());
    let load = stage.crowd(callers, window, &ticket, |_, _| 0);
    let (calls, used) = stage.watched(window, load).await;
    stage.close(&calls).await;
    calls.measured(window, &used)
}
