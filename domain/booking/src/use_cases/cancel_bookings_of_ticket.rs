//! A ticket was deleted: every open booking of it is cancelled (row T12, trap R09).

use futures::{StreamExt, stream};
use kernel::{BookingId, Cause, Committed, StoreError, TicketId};

use super::Bookings;
use super::booking_change::{Moved, reply_after};
use crate::limits::{BATCH_MAX, CANCELS_AT_ONCE, DECISIONS_MAX};
use crate::{CancelReason, Fact, Stored, Transition};

impl Bookings {
    /// Cancels the open bookings of a ticket, a page at a time; says how many. Each is a commit of its
    /// own, and one that is cancelled is not open any more: so after a crash the same message goes on
    /// where it stopped, and needs no inbox row. A booking placed after the scan finds its hold refused.
    /// One that cannot be cancelled does not keep the others.
    ///
    /// # Errors
    /// The last [`StoreError`], after all have had their turn; the message is to come again.
    pub async fn cancel_bookings_of_ticket(
        &self,
        ticket_id: TicketId,
        cause: &Cause,
    ) -> Result<usize, StoreError> {
        let mut after = None;
        let mut cancelled = 0;
        let mut failure = None;
        loop {
            let page = self.store.open_of_ticket(ticket_id, after, BATCH_MAX).await?;
            let Some(last) = page.last() else { return failure.map_or(Ok(cancelled), Err) };
            after = Some(*last);
            let cancels = page.into_iter().map(|id| self.cancel_deleted(id, cause));
            let mut turns = stream::iter(cancels).buffer_unordered(CANCELS_AT_ONCE);
            while let Some(turn) = turns.next().await {
                match turn {
                    Ok(done) => cancelled += usize::from(done),
                    Err(error) => failure = Some(error),
                }
            }
        }
    }

    /// Says whether it was this call that cancelled it.
    async fn cancel_deleted(&self, id: BookingId, cause: &Cause) -> Result<bool, StoreError> {
        for _ in 0..DECISIONS_MAX {
            let Some(Stored { mut booking, .. }) = self.store.find(id).await? else {
                return Ok(false);
            };
            let (was_pending, now) = (booking.is_pending(), self.clock.now());
            let wish = Fact::CancelRequested(CancelReason::TicketDeleted);
            let Transition::Changed(told) = booking.on(&wish, now) else { return Ok(false) };
            let mut moved = Moved::new(booking, told);
            moved.reply = reply_after(self.encode_reply, was_pending, &moved);
            moved.causation = Some(cause.event_id.to_string());
            match self.commit(moved, now).await?.0 {
                Committed::Done => return Ok(true),
                Committed::Stale | Committed::KeyTaken | Committed::AlreadyHandled => {}
            }
        }
        let doing = "cancelling a booking of a deleted ticket";
        Err(StoreError::Unavailable { doing, cause: "others kept changing it".to_owned() })
    }
}
