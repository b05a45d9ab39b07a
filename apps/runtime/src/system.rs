//! The time and the identifiers of the real world.

use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use kernel::{Clock, IdSource, Timestamp, Uuid};

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// Makes UUIDv7: time first, then chance, and never one that sorts before an earlier one.
#[derive(Debug, Default)]
pub struct UuidV7Ids {
    last: Mutex<u128>,
}

/// Keeps the variant's bits and leaves room to count up below them.
const CHANCE_BITS: u128 = (1 << 61) - 1;
const VERSION: u128 = 0x7 << 76;
const VARIANT: u128 = 0b10 << 62;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that all others ask")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

impl IdSource for UuidV7Ids {
    fn next(&self) -> Uuid {
        let millis = u128::try_from(SystemClock.now().as_micros() / 1_000).unwrap_or(0);
        let fresh = millis << 80 | VERSION | VARIANT | u128::from(chance()) & CHANCE_BITS;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = fresh.max(*last + 1);
        Uuid::from_u128(*last)
    }
}

/// Random bits. A system that has none would give identifiers that collide, so it gives none.
fn chance() -> u64 {
    loop {
        match getrandom::u64() {
            Ok(bits) => return bits,
            Err(error) => tracing::error!(%error, "the system gives no random bits; trying again"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuid_v7_of_now_and_sort_in_the_order_they_were_made() {
        let ids = UuidV7Ids::default();
        let before = u128::try_from(SystemClock.now().as_micros() / 1_000).expect("after 1970");
        let made: Vec<_> = (0..10_000).map(|_| ids.next()).collect();
        assert!(made.windows(2).all(|pair| pair[0] < pair[1]));
        for id in &made {
            assert_eq!((id.get_version_num(), id.get_variant()), (7, uuid::Variant::RFC4122));
            assert!((before..before + 60_000).contains(&(id.as_u128() >> 80)));
        }
    }

    #[test]
    fn two_sources_do_not_make_the_same() {
        assert_ne!(UuidV7Ids::default().next(), UuidV7Ids::default().next());
    }
}
