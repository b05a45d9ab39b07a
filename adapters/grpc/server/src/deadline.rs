//! How long a call may still take: the client's `grpc-timeout`, made absolute when the call arrives.

use std::time::{Duration, Instant};

use grpc_client::grpc_timeout;
use tonic::Request;

use crate::limits::{BACKSTOP, DEADLINE_MARGIN};

/// When the caller stops waiting; the shell puts it into the request's extensions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(pub(crate) Instant);

/// What is left of the call's own deadline, less a margin for the way back. `None` without one.
/// Give it to the calls made on behalf of this one.
pub fn time_left<T>(request: &Request<T>) -> Option<Duration> {
    match request.extensions().get::<Deadline>() {
        Some(deadline) => Some(deadline.left()),
        None => {
            let given = grpc_timeout(request.metadata().as_ref()).ok().flatten()?;
            Some(given.saturating_sub(DEADLINE_MARGIN))
        }
    }
}

impl Deadline {
    /// What is left, less the margin.
    pub(crate) fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now()).saturating_sub(DEADLINE_MARGIN)
    }
}

/// The time after which the shell answers in the handler's place.
pub(crate) fn allowed(given: Option<Duration>) -> Duration {
    // A touch before tonic's own timer, which would say CANCELLED (reliability.md F6).
    const TOUCH: Duration = Duration::from_millis(2);
    given.map_or(BACKSTOP, |given| given.saturating_sub(TOUCH).min(BACKSTOP))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_keeps_a_margin() {
        let mut request = Request::new(());
        assert_eq!(time_left(&request), None);
        request.set_timeout(Duration::from_secs(2));
        assert_eq!(time_left(&request), Some(Duration::from_millis(1950)));
        let soon = Instant::now() + Duration::from_millis(10);
        request.extensions_mut().insert(Deadline(soon));
        assert_eq!(time_left(&request), Some(Duration::ZERO));
    }

    #[test]
    fn the_shell_answers_before_tonic_would_and_never_later_than_the_backstop() {
        assert!(allowed(Some(Duration::from_secs(1))) < Duration::from_secs(1));
        assert_eq!(allowed(Some(Duration::from_secs(3600))), BACKSTOP);
        assert_eq!(allowed(None), BACKSTOP);
    }
}
