//! Charges whose answer this process has written itself, until the message about them comes: it is a repeat then, and
//! known to be one without a look at the booking. Whoever does not remember looks, as another replica does that hears
//! the message; then the charge is remembered here until newer ones take its place.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kernel::{BookingId, PaymentId};

use crate::Fact;

/// Some seconds of bookings at full speed. Beyond it the oldest are forgotten: ids begin with their time.
const REMEMBERED_MAX: usize = 16_384;

/// Starts empty; bounded.
#[derive(Debug, Default)]
pub struct ChargesHeard(Mutex<BTreeSet<(BookingId, PaymentId)>>);

impl ChargesHeard {
    /// Remembers the charge among facts whose consequences are committed, if there is one. Never before: if somebody
    /// else has moved the booking meanwhile, the message says something new.
    pub(crate) fn remember(&self, booking_id: BookingId, committed: &[Fact]) {
        let Some(charge) = committed.iter().find_map(|fact| charge(booking_id, fact)) else {
            return;
        };
        let mut remembered = self.lock();
        remembered.insert(charge);
        if remembered.len() > REMEMBERED_MAX {
            remembered.pop_first();
        }
    }

    /// Says whether a fact that came as a message repeats what this process has written, and forgets it.
    pub(crate) fn take_repeat(&self, booking_id: BookingId, fact: &Fact) -> bool {
        charge(booking_id, fact).is_some_and(|charge| self.lock().remove(&charge))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<(BookingId, PaymentId)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const fn charge(booking_id: BookingId, fact: &Fact) -> Option<(BookingId, PaymentId)> {
    if let Fact::Charged { payment_id, .. } = fact { Some((booking_id, *payment_id)) } else { None }
}

#[cfg(test)]
mod tests {
    use kernel::Uuid;

    use super::*;

    fn booking(number: usize) -> BookingId {
        BookingId::new(Uuid::from_u128(number as u128))
    }

    fn charged(payment: u128) -> Fact {
        Fact::Charged { attempt: 1, payment_id: PaymentId::new(Uuid::from_u128(payment)) }
    }

    #[test]
    fn only_what_was_written_is_a_repeat_and_only_once() {
        let heard = ChargesHeard::default();
        heard.remember(booking(1), &[Fact::HoldCommitted, charged(7)]);
        assert!(!heard.take_repeat(booking(1), &charged(8)), "another payment");
        assert!(!heard.take_repeat(booking(2), &charged(7)), "another booking");
        assert!(!heard.take_repeat(booking(1), &Fact::HoldCommitted), "no charge");
        assert!(heard.take_repeat(booking(1), &charged(7)));
        assert!(
            !heard.take_repeat(booking(1), &charged(7)),
            "told again, the booking is looked at"
        );
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let heard = ChargesHeard::default();
        (0..=REMEMBERED_MAX).for_each(|number| heard.remember(booking(number), &[charged(7)]));
        assert!(!heard.take_repeat(booking(0), &charged(7)));
        assert!(heard.take_repeat(booking(1), &charged(7)));
        assert!(heard.take_repeat(booking(REMEMBERED_MAX), &charged(7)));
    }
}
