//! Buckets of tokens, one for each key, which fill by themselves.

use std::fmt;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use kernel::{Fault, FaultClass};

/// How fast a bucket fills, and how much it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Calls a second in the long run.
    pub per_second: NonZeroU32,
    /// Calls at once by who has not called for a while.
    pub burst: NonZeroU32,
}

/// The buckets of all callers. A full one is nobody's: it is forgotten, so that there are never many more than callers
/// within the time in which a bucket fills.
pub struct Buckets<K: Hash + Eq + Clone> {
    limiter: DefaultKeyedRateLimiter<K>,
    clock: DefaultClock,
    /// From how many on the full ones are looked for: twice those that remained when it was done last.
    tidied_from: AtomicUsize,
}

/// The caller's bucket is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many calls in a short time by you; make fewer, and try again when you are told to")]
pub struct RateLimited {
    /// When there is a token again.
    pub after: Duration,
}

const TIDIED_FROM: usize = 4096;

impl<K: Hash + Eq + Clone> Buckets<K> {
    /// Full ones.
    #[must_use]
    pub fn new(Rate { per_second, burst }: Rate) -> Self {
        Self {
            limiter: RateLimiter::keyed(Quota::per_second(per_second).allow_burst(burst)),
            clock: DefaultClock::default(),
            tidied_from: AtomicUsize::new(TIDIED_FROM),
        }
    }

    /// Takes one token out of the key's bucket.
    ///
    /// # Errors
    /// [`RateLimited`] when it is empty.
    pub fn take(&self, key: &K) -> Result<(), RateLimited> {
        let taken = self.limiter.check_key(key);
        self.tidy();
        taken.map_err(|not_until| RateLimited { after: not_until.wait_time_from(self.clock.now()) })
    }

    fn tidy(&self) {
        let from = self.tidied_from.load(Ordering::Relaxed);
        if self.limiter.len() < from {
            return;
        }
        // Whoever else is here now has others' work done already.
        let mine = usize::MAX;
        let exchanged =
            self.tidied_from.compare_exchange(from, mine, Ordering::Relaxed, Ordering::Relaxed);
        if exchanged.is_ok() {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
            let next = self.limiter.len().saturating_mul(2).max(TIDIED_FROM);
            self.tidied_from.store(next, Ordering::Relaxed);
        }
    }
}

impl<K: Hash + Eq + Clone> fmt::Debug for Buckets<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buckets").field("len", &self.limiter.len()).finish_non_exhaustive()
    }
}

impl Fault for RateLimited {
    fn class(&self) -> FaultClass {
        FaultClass::Exhausted
    }

    fn reason(&self) -> &'static str {
        "RATE_LIMITED"
    }

    fn retry_after(&self) -> Option<Duration> {
        Some(self.after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(per_second: u32, burst: u32) -> Rate {
        let number = |n| NonZeroU32::new(n).expect("not zero");
        Rate { per_second: number(per_second), burst: number(burst) }
    }

    #[test]
    fn each_has_a_bucket_and_is_told_when_there_is_a_token_again() {
        let buckets = Buckets::new(rate(1, 3));
        let taken = (0..5).filter(|_| buckets.take(&"alice").is_ok()).count();
        assert_eq!(taken, 3);
        let refused = buckets.take(&"alice").expect_err("empty");
        assert!(refused.after > Duration::ZERO && refused.after <= Duration::from_secs(1));
        assert_eq!(refused.retry_after(), Some(refused.after));
        assert!(buckets.take(&"bob").is_ok());
    }

    #[test]
    fn full_buckets_are_forgotten() {
        // A bucket is full again after a millionth of a second.
        let buckets = Buckets::new(rate(1_000_000, 1));
        for caller in 0..200_000_u32 {
            buckets.take(&caller).expect("a new caller has a full bucket");
        }
        assert!(buckets.limiter.len() <= 2 * TIDIED_FROM, "{buckets:?}");
    }
}
