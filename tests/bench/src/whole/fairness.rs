//! What one hot sale does to everybody else: bookings of other tickets that come by chance at a steady rate, without
//! the sale and beside it.

use testkit::{Plan as Shaped, Shape};

use super::answered::Window;
use super::booking::{CAPACITY, WARM_UP};
use super::buyers::Asking;
use super::stage::Stage;
use crate::figures::FAIRNESS;
use crate::measurement::Measurement;
use crate::plan::Plan;
use crate::processor::Used;
use crate::ratios::{Comparison, alternated};
use crate::report::Found;

/// Far more than have places at once.
const HOT_CALLERS: u16 = 256;
const OTHER_TICKETS: usize = 100;
/// Enough for a p99 that means something, and far below what the servers can do.
const OTHERS_PER_SECOND: f64 = 50.0;
const SEED: u64 = 5;

/// Measures pairs; only the bookings of other tickets are in them.
pub(crate) async fn compare(plan: &Plan) -> Found {
    let hot_callers = plan.callers.unwrap_or(HOT_CALLERS);
    let measured = async |hot_callers: &u16| measure(*hot_callers, plan).await;
    let sides = [("no sale", &0), ("hot sale", &hot_callers)];
    let comparison = Comparison {
        name: "bookings of other tickets".to_owned(),
        callers: hot_callers,
        baseline: "no sale",
        ours: "hot sale",
        pairs: alternated(plan.rounds(), sides, measured).await,
    };
    let claims = vec![comparison.claim(FAIRNESS, |measured| measured.p99_ms)];
    Found { comparisons: vec![comparison], claims, ..Found::default() }
}

async fn measure(hot_callers: u16, plan: &Plan) -> Measurement {
    let stage = Stage::set(Shaped::of(Shape::Postgres)).await;
    let hot = stage.tickets("Hot", 1, CAPACITY).await;
    let others = stage.tickets("Other", OTHER_TICKETS, CAPACITY).await;
    let window = Window::after(WARM_UP, plan.time());
    // Whoever is refused asks again, as people do, and has waited since the first time.
    let arriving =
        stage.arrivals((OTHERS_PER_SECOND, SEED), window, &others, Asking::UntilDefinite);
    let hot = stage.crowd(hot_callers, window, &hot, |_, _| 0);
    let (hot, (mut others, used)) = tokio::join!(hot, stage.watched(window, arriving));
    if hot_callers > 0 {
        println!("beside: {}", hot.measured(window, &Used::default()));
    }
    let mut measured = others.offered(window, &used);
    others.extend(hot);
    // The processor worked for both.
    measured.cpu_ms_each = others.measured(window, &used).cpu_ms_each;
    stage.close(&others).await;
    measured
}
