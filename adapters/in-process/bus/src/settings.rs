//! The limits of the bus.

use std::time::Duration;

/// How often and how fast a message is tried, and how many at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BusSettings {
    /// Tries of one message by one consumer before it is parked; and tries to park it before the
    /// message is given back to the relay, which publishes it again later.
    pub tries_max: u32,
    /// The pause after the first failed try; it doubles with every further one.
    pub backoff_first: Duration,
    /// The longest pause between two tries.
    pub backoff_max: Duration,
    /// Messages that one consumer handles at the same time.
    pub handlings_max: usize,
}

impl Default for BusSettings {
    fn default() -> Self {
        Self {
            // About a minute: what a busy database refuses for a moment must not become a dead letter.
            tries_max: 20,
            backoff_first: Duration::from_millis(50),
            backoff_max: Duration::from_secs(5),
            // A consumer's effects are commits of one database, which they share.
            handlings_max: 64,
        }
    }
}

impl BusSettings {
    /// The pause after the given number of failed tries: at least half of the full one, the rest by
    /// chance, so that messages that failed together do not come again together.
    pub(crate) fn backoff(&self, failed_tries: u32) -> Duration {
        let doublings = failed_tries.saturating_sub(1);
        let full = self.backoff_first.saturating_mul(2_u32.saturating_pow(doublings));
        full.min(self.backoff_max).mul_f64(rand::random_range(0.5..=1.0))
    }
}
