//! Time and identifiers that a test decides.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use kernel::{Clock, IdSource, Timestamp, Uuid};

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that stands at `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.as_micros()))
    }

    /// Moves it forward.
    pub fn advance(&self, by: Duration) {
        self.0.store(self.now().plus(by).as_micros(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// Identifiers 1, 2, 3 … in the shape of a UUIDv7, so that a failing run can be read and repeated.
#[derive(Debug, Default)]
pub struct NumberedIds(AtomicU64);

impl IdSource for NumberedIds {
    fn next(&self) -> Uuid {
        let number = u128::from(self.0.fetch_add(1, Ordering::SeqCst) + 1);
        const VERSION_7: u128 = 0x7 << 76;
        const VARIANT: u128 = 0x8 << 60;
        // The low 60 bits hold the number, as large as any test needs.
        Uuid::from_u128(VERSION_7 | VARIANT | number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = ManualClock::at(Timestamp::from_micros(5));
        assert_eq!(clock.now(), clock.now());
        clock.advance(Duration::from_micros(7));
        assert_eq!(clock.now(), Timestamp::from_micros(12));
    }

    #[test]
    fn numbered_ids_are_sorted_version_7() {
        let ids = NumberedIds::default();
        let (first, second) = (ids.next(), ids.next());
        assert!(first < second);
        assert_eq!(first.to_string(), "00000000-0000-7000-8000-000000000001");
    }
}
