//! How long a call may still take: the client's `grpc-timeout`, made absolute when the call arrives.

use std::time::{Duration, Instant};

use http::HeaderMap;
use tokio::task::futures::TaskLocalFuture;
use tonic::Request;

use crate::limits::{BACKSTOP, DEADLINE_MARGIN};

const GRPC_TIMEOUT: &str = "grpc-timeout";

/// When the caller stops waiting; the shell puts it into the request's extensions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(pub(crate) Instant);

tokio::task_local! {
    /// The deadline of the call on whose behalf this task runs.
    static HERE: Option<Deadline>;
}

/// Runs this on behalf of a call with this deadline: calls made in it find out what is left.
pub(crate) fn within<F: Future>(
    deadline: Option<Deadline>,
    call: F,
) -> TaskLocalFuture<Option<Deadline>, F> {
    HERE.scope(deadline, call)
}

/// The deadline of the call on whose behalf this runs, for a task that goes on with it.
pub(crate) fn here() -> Option<Deadline> {
    HERE.try_with(|deadline| *deadline).ok().flatten()
}

/// What is left of the deadline of the call on whose behalf this runs, less a margin for the way
/// back. `None` where there is no such call, as in a sweep, and where it has no deadline.
#[must_use]
pub fn time_left_here() -> Option<Duration> {
    here().map(|deadline| deadline.left())
}

/// What is left of the call's own deadline, less a margin for the way back. `None` without one.
/// Give it to the calls made on behalf of this one.
pub fn time_left<T>(request: &Request<T>) -> Option<Duration> {
    match request.extensions().get::<Deadline>() {
        Some(deadline) => Some(deadline.left()),
        None => {
            let given = parse(request.metadata().get(GRPC_TIMEOUT)?.to_str().ok()?)?;
            Some(given.saturating_sub(DEADLINE_MARGIN))
        }
    }
}

impl Deadline {
    /// What is left, less the margin.
    fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now()).saturating_sub(DEADLINE_MARGIN)
    }
}

/// The time the client gives a call, as its headers say.
pub(crate) fn given(headers: &HeaderMap) -> Option<Duration> {
    parse(headers.get(GRPC_TIMEOUT)?.to_str().ok()?)
}

/// The time after which the shell answers in the handler's place.
pub(crate) fn allowed(given: Option<Duration>) -> Duration {
    // A touch before tonic's own timer, which would say CANCELLED (reliability.md F6).
    const TOUCH: Duration = Duration::from_millis(2);
    given.map_or(BACKSTOP, |given| given.saturating_sub(TOUCH).min(BACKSTOP))
}

/// Reads at most eight digits and a unit: `15S`, `250m`.
fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let fits = (1..=8).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    let count = digits.parse::<u64>().ok().filter(|_| fits)?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_digits_and_a_unit() {
        assert_eq!(parse("15S"), Some(Duration::from_secs(15)));
        assert_eq!(parse("250m"), Some(Duration::from_millis(250)));
        assert_eq!(parse("2H"), Some(Duration::from_secs(7200)));
        assert_eq!(parse("99999999M"), Some(Duration::from_secs(99_999_999 * 60)));
        for bad in ["", "S", "15", "15s", "-1S", "+1S", "123456789S", "1.5S", "1é", "é"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

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
