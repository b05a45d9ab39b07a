//! What is promised of rpcs, for autometrics' alerts on how fast a promise is used up.

use autometrics::objectives::{Objective, ObjectiveLatency, ObjectivePercentile};
use tonic::{Code, Status};

use crate::telling::is_our_fault;

/// Booking and what belongs to it: of 1,000 calls 999 are served, of 100 calls 99 within half a second.
pub const BOOKING: Objective = Objective::new("booking")
    .success_rate(ObjectivePercentile::P99_9)
    .latency(ObjectiveLatency::Ms500, ObjectivePercentile::P99);

/// Whether a call was served: a refusal, such as of what is sold out, is an answer like any other; one because there
/// is too much to do is none.
pub fn served<T>(answer: &Result<T, Status>) -> bool {
    let served = |code| code != Code::ResourceExhausted && !is_our_fault(code);
    answer.as_ref().err().is_none_or(|status| served(status.code()))
}
