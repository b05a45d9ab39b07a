//! Calls that are sent again: those that provably never reached a server, and reads that no server
//! answered. Nothing else is, and one layer only does it (reliability.md 7.9).

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tonic::{Code, ConnectError, Status};

use crate::dice;
use crate::limits::{REPEATS_BURST, RESEND_BACK_OFF, RESENDS_MAX, SUCCESSES_PER_REPEAT};

/// Sends the calls to one target. Clones share what they may repeat.
#[derive(Debug, Clone)]
pub struct Resend {
    /// Repeats that are left, in parts of which a success earns one.
    earned: Arc<AtomicU32>,
}

/// Whether a call that may have reached a server can be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// It changes something.
    Never,
    /// It only reads: once, if the server could not be asked.
    Read,
}

impl Resend {
    /// With all that may be repeated at once.
    #[must_use]
    pub fn new() -> Self {
        Self { earned: Arc::new(AtomicU32::new(REPEATS_BURST * SUCCESSES_PER_REPEAT)) }
    }

    /// Sends a call, and again where that can do no harm, as long as there is time left. `send` is
    /// given what is left; it, or the caller of this, MUST end it then.
    ///
    /// # Errors
    /// The last failure.
    pub async fn call<A, F>(
        &self,
        allowed: Duration,
        repeat: Repeat,
        mut send: impl FnMut(Duration) -> F,
    ) -> Result<A, Status>
    where
        F: Future<Output = Result<A, Status>>,
    {
        let until = Instant::now() + allowed;
        let (mut left, mut resends, mut repeats) = (allowed, 0, 0);
        loop {
            let failed = match send(left).await {
                Ok(answer) => {
                    self.earn();
                    return Ok(answer);
                }
                Err(failed) => failed,
            };
            let again = if never_sent(&failed) {
                // These reach nobody, so they need not be earned.
                resends += 1;
                resends <= RESENDS_MAX
            } else if repeat == Repeat::Read && away(&failed) {
                repeats += 1;
                repeats == 1 && self.spend()
            } else {
                false
            };
            let wait =
                dice::up_to(RESEND_BACK_OFF * (1 << (resends + repeats).min(RESENDS_MAX)) / 2);
            if !again || Instant::now() + wait >= until {
                return Err(failed);
            }
            tracing::debug!(code = ?failed.code(), status = failed.message(), "a call is sent again");
            tokio::time::sleep(wait).await;
            left = until.saturating_duration_since(Instant::now());
        }
    }

    fn earn(&self) {
        let more = |earned: u32| {
            (earned < REPEATS_BURST * SUCCESSES_PER_REPEAT).then(|| earned.saturating_add(1))
        };
        // An error says that there is no room for more.
        let _ = self.earned.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    fn spend(&self) -> bool {
        let less = |earned: u32| earned.checked_sub(SUCCESSES_PER_REPEAT);
        self.earned.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

impl Default for Resend {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether the call provably reached no handler: there was no connection to send it on, the
/// connection closed while it waited, or the server said that it did not take it.
#[must_use]
pub fn never_sent(status: &Status) -> bool {
    causes(status).any(|cause| {
        let refused = |error: &h2::Error| {
            error.is_remote()
                && (error.is_go_away() || error.reason() == Some(h2::Reason::REFUSED_STREAM))
        };
        cause.is::<ConnectError>()
            || cause.downcast_ref().is_some_and(hyper::Error::is_canceled)
            || cause.downcast_ref().is_some_and(refused)
    })
}

/// Whether the server could not be asked, or went away. One that answers that something it needs is away,
/// or not there yet, says in details when to come back: later than this would.
fn away(status: &Status) -> bool {
    let unexplained = status.code() == Code::Unavailable && status.details().is_empty();
    unexplained || causes(status).any(|cause| cause.is::<hyper::Error>())
}

/// What an error came of, nearest first.
pub(crate) fn causes<'e>(
    error: &'e (dyn Error + 'static),
) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause: &&'e (dyn Error + 'static)| (*cause).source())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    const ALLOWED: Duration = Duration::from_secs(3);

    fn unsent() -> Status {
        Status::from_error(Box::new(ConnectError("nobody listens".into())))
    }

    /// How often a call is sent when it always fails like this.
    async fn sent(resend: &Resend, allowed: Duration, repeat: Repeat, fail: fn() -> Status) -> u32 {
        let count = Mutex::new(0);
        let failed = resend.call(allowed, repeat, |left| {
            assert!(left <= allowed);
            *count.lock().expect("whole") += 1;
            async move { Err::<(), _>(fail()) }
        });
        assert_eq!(failed.await.expect_err("fails").code(), fail().code());
        count.into_inner().expect("whole")
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_never_left_is_sent_twice_more() {
        let resend = Resend::new();
        for repeat in [Repeat::Never, Repeat::Read] {
            assert_eq!(sent(&resend, ALLOWED, repeat, unsent).await, 3);
        }
        assert_eq!(sent(&resend, Duration::ZERO, Repeat::Never, unsent).await, 1, "no time left");
    }

    #[tokio::test(start_paused = true)]
    async fn only_reads_are_repeated_once_and_only_where_the_server_was_away() {
        let resend = Resend::new();
        let away = || Status::unavailable("the connection closed");
        assert_eq!(sent(&resend, ALLOWED, Repeat::Read, away).await, 2);
        assert_eq!(sent(&resend, ALLOWED, Repeat::Never, away).await, 1);
        for other in [
            || Status::internal(""),
            || Status::deadline_exceeded(""),
            || Status::resource_exhausted(""),
            || Status::cancelled("Timeout expired"),
            || Status::with_details(Code::Unavailable, "VIEW_BEHIND", "come back in 1 s".into()),
        ] as [fn() -> Status; 5]
        {
            assert_eq!(sent(&resend, ALLOWED, Repeat::Read, other).await, 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn repeated_reads_are_bounded_by_a_tenth_of_the_successes() {
        let resend = Resend::new();
        let away = || Status::unavailable("");
        for _ in 0..REPEATS_BURST {
            assert_eq!(sent(&resend, ALLOWED, Repeat::Read, away).await, 2);
        }
        assert_eq!(sent(&resend, ALLOWED, Repeat::Read, away).await, 1);
        for _ in 0..SUCCESSES_PER_REPEAT {
            let answered = resend.call(ALLOWED, Repeat::Read, |_| async { Ok(()) });
            answered.await.expect("succeeds");
        }
        assert_eq!(sent(&resend, ALLOWED, Repeat::Read, away).await, 2);
        assert_eq!(sent(&resend, ALLOWED, Repeat::Read, away).await, 1);
    }
}
