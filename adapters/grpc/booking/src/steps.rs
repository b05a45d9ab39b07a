//! The steps of checkouts and cancellations, measured where they leave this context.

use std::time::Instant;

use booking::{ChargeOutcome, RefundProgress, StockAsk, StockFault, Unanswered};
use in_process_kill_points::{Side, pass};
use telemetry_metrics::names::{BOOKING_PROCESS_STEP_DURATION, BOOKING_PROCESS_STEPS};

/// What became of a step.
pub(crate) trait Outcome {
    fn outcome(&self) -> &'static str;
}

impl<T> Outcome for Result<T, StockFault> {
    fn outcome(&self) -> &'static str {
        match self {
            Ok(_) => "ok",
            Err(StockFault::Refused(_)) => "refused",
            Err(StockFault::Unanswered(_)) => "unanswered",
        }
    }
}

impl Outcome for Result<RefundProgress, Unanswered> {
    fn outcome(&self) -> &'static str {
        if self.is_ok() { "ok" } else { "unanswered" }
    }
}

impl Outcome for ChargeOutcome {
    fn outcome(&self) -> &'static str {
        match self {
            Self::Approved { .. } => "ok",
            Self::Declined { .. } | Self::Voided => "refused",
            Self::Unknown { .. } | Self::NotTried => "unanswered",
        }
    }
}

/// Makes a step and measures it.
pub(crate) async fn measured<T: Outcome>(step: &'static str, made: impl Future<Output = T>) -> T {
    pass(Side::Before, step);
    let began = Instant::now();
    let ended = made.await;
    pass(Side::After, step);
    BOOKING_PROCESS_STEP_DURATION.observe([step], began.elapsed());
    BOOKING_PROCESS_STEPS.add([step, ended.outcome()]);
    ended
}

/// A stock command's name among the steps.
pub(crate) const fn name(ask: &StockAsk) -> &'static str {
    match ask {
        StockAsk::Hold(order) if order.check_only => "check_stock",
        StockAsk::Hold(_) => "hold_stock",
        StockAsk::Pin(_) => "pin_hold",
        StockAsk::Unpin(_) => "unpin_hold",
        StockAsk::Commit(_) => "commit_hold",
        StockAsk::Release(_) => "release_hold",
        StockAsk::Return(_) => "return_stock",
        StockAsk::Reduce(..) => "reduce_hold",
    }
}
