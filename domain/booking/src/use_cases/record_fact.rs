//! Another context's event about one booking.

use kernel::{BookingId, Cause, Committed, StoreError, Timestamp};

use super::Bookings;
use super::booking_change::{Moved, reply_after};
use crate::limits::DECISIONS_MAX;
use crate::{Fact, Process, Stored, Transition};

impl Bookings {
    /// Applies a fact that came as a message. One that changes nothing (a repeat, a late one, one about
    /// a booking we do not have) is done with: the booking's state is the memory of it.
    ///
    /// What became of a charge is left to whoever drives the booking at the moment: the driver has asked, and if it is
    /// gone the next one asks again, at a revision that the first can no longer move. Where the driver itself was told
    /// wrongly that nothing was charged, and has not written so yet, nobody hears the message; one that is paid again
    /// asks for the same charge, or for the money back, and of any other the audit finds it (I4).
    /// What a driver of this process has written is done with at once.
    ///
    /// # Errors
    /// [`StoreError`]; the message is to come again.
    pub async fn record_fact(
        &self,
        booking_id: BookingId,
        fact: &Fact,
        cause: Cause,
    ) -> Result<(), StoreError> {
        if self.charges_heard.take_repeat(booking_id, fact) {
            return Ok(());
        }
        for _ in 0..DECISIONS_MAX {
            let Some(Stored { mut booking, process }) = self.store.find(booking_id).await? else {
                return Ok(());
            };
            let now = self.clock.now();
            if is_charge_outcome(fact) && booking.is_pending() && is_driven(&process, now) {
                return Ok(());
            }
            let before = booking.clone();
            let told = match booking.on(fact, now) {
                Transition::Changed(told) => told,
                Transition::GoOn | Transition::AskLater | Transition::Ignored => None,
            };
            if booking == before {
                return Ok(());
            }
            let mut moved = Moved::new(booking, told);
            moved.reply = reply_after(self.encode_reply, before.is_pending(), &moved);
            moved.cause = Some(cause.clone());
            match self.commit(moved, now).await?.0 {
                Committed::Done | Committed::AlreadyHandled => return Ok(()),
                Committed::Stale | Committed::KeyTaken => {}
            }
        }
        let doing = "recording a fact about a booking";
        Err(StoreError::Unavailable { doing, cause: "others kept changing it".to_owned() })
    }
}

fn is_driven(process: &Process, now: Timestamp) -> bool {
    process.lease_until.is_some_and(|until| now < until)
}

const fn is_charge_outcome(fact: &Fact) -> bool {
    matches!(fact, Fact::Charged { .. } | Fact::Declined { .. })
}
