//! The names of charges that are not decided yet, as far as this process has heard them.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use payment::ChargeKey;

/// What is forgotten is searched for, so few are enough.
const KEPT_MAX: usize = 1_024;

/// Stripe's names of charges, the newest last. Stripe's index is behind, often by more than a buyer wants to wait; a
/// charge whose name is known is read directly. Correctness never rests on it: what is read is checked against its key.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<VecDeque<(ChargeKey, String)>>);

impl Seen {
    pub(crate) fn note(&self, key: ChargeKey, intent_id: &str) {
        let mut kept = self.kept();
        kept.retain(|(of, _)| *of != key);
        if kept.len() >= KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back((key, intent_id.to_owned()));
    }

    pub(crate) fn forget(&self, key: ChargeKey) {
        self.kept().retain(|(of, _)| *of != key);
    }

    pub(crate) fn of(&self, key: ChargeKey) -> Option<String> {
        self.kept().iter().find(|(of, _)| *of == key).map(|(_, id)| id.clone())
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<(ChargeKey, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use kernel::{BookingId, Uuid};

    use super::*;

    fn key(n: usize) -> ChargeKey {
        let uuid = Uuid::from_u128(u128::try_from(n).expect("small"));
        ChargeKey { booking_id: BookingId::new(uuid), attempt: 1 }
    }

    #[test]
    fn it_keeps_the_newest_and_no_more_than_it_may() {
        let seen = Seen::default();
        for n in 0..=KEPT_MAX {
            seen.note(key(n), "pi_old");
        }
        seen.note(key(1), "pi_new");
        assert_eq!((seen.of(key(0)), seen.of(key(1))), (None, Some("pi_new".to_owned())));
        assert_eq!(seen.kept().len(), KEPT_MAX);
        seen.forget(key(1));
        assert_eq!(seen.of(key(1)), None);
    }
}
