//! Every limit of the payment context, in one place.

use std::time::Duration;

/// How long a provider may take to answer one call. Its adapter ends the call then, as unanswered.
pub const PROVIDER_TIMEOUT: Duration = Duration::from_secs(6);
/// How long whoever calls the provider keeps others from doing so. A settlement without news after
/// that is taken over by the sweep.
pub const CALL_LEASE: Duration = Duration::from_secs(15);
/// How long until the provider is asked again after the first call that decided nothing.
pub const RESOLVE_BACKOFF_MIN: Duration = Duration::from_secs(1);
/// The wait doubles with every such call, up to this.
pub const RESOLVE_BACKOFF_MAX: Duration = Duration::from_secs(60);
/// A refund refused so often waits for an operator.
pub const REFUSALS_MAX: u32 = 8;
/// The most attempts to charge one booking.
pub const ATTEMPTS_MAX: u32 = 100;
/// The longest name of a refund at a provider, or of what took its place, in characters.
pub const PROVIDER_REF_CHARS_MAX: usize = 255;
/// The longest token for a means of payment.
pub const PAYMENT_METHOD_CHARS_MAX: usize = 255;
/// The provider is judged by the calls of this time.
pub(crate) const BREAKER_WINDOW: Duration = Duration::from_secs(10);
/// With fewer calls in it nothing can be told.
pub(crate) const BREAKER_CALLS_MIN: usize = 20;
/// When this share of them failed the provider is left alone.
pub(crate) const BREAKER_FAILED_PERCENT: usize = 50;
/// How long, before it is tried again.
pub const BREAKER_REST: Duration = Duration::from_secs(5);
/// A provider that asks to be left alone is, but no longer than this.
pub(crate) const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);
/// When trying again may help where as many charges are under way as may be.
pub(crate) const SATURATED_RETRY: Duration = Duration::from_secs(1);
/// By so many calls, all of which must go well.
pub(crate) const BREAKER_PROBES: u32 = 3;

// One turn of the sweep asks the provider twice at most: what became of a charge, then the charge.
const _: () = assert!(CALL_LEASE.as_secs() > 2 * PROVIDER_TIMEOUT.as_secs());
const _: () = assert!(RESOLVE_BACKOFF_MIN.as_secs() <= RESOLVE_BACKOFF_MAX.as_secs());

/// The wait after so many calls that decided nothing.
pub(crate) fn backoff(tries: u32) -> Duration {
    let doublings = tries.saturating_sub(1).min(16);
    (RESOLVE_BACKOFF_MIN * (1 << doublings)).min(RESOLVE_BACKOFF_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r04_the_wait_doubles_from_one_second_to_a_minute() {
        let waits: Vec<u64> = (0..9).map(|tries| backoff(tries).as_secs()).collect();
        assert_eq!(waits, [1, 1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(backoff(u32::MAX), RESOLVE_BACKOFF_MAX);
    }
}
