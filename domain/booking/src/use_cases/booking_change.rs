//! What every commit of a booking has in common.

use kernel::{
    Cause, Committed, EventId, Recorded, ReplyChange, ReplyKey, StoreError, Timestamp, judge_key,
};

use super::Bookings;
use crate::{Booking, BookingChange, BookingEvent, Happening, LEASE, Lease, Timer};

/// A booking that has moved, and all that is to be durable with it.
pub(super) struct Moved {
    /// The booking after it, with the revision it was read at.
    pub(super) booking: Booking,
    pub(super) told: Option<Happening>,
    pub(super) timer: Timer,
    pub(super) cause: Option<Cause>,
    /// What led to it, where that is not `cause`.
    pub(super) causation: Option<String>,
    pub(super) reply: ReplyChange,
}

impl Moved {
    /// A move that nobody waits for but the booking's own process.
    pub(super) fn new(booking: Booking, told: Option<Happening>) -> Self {
        let timer = Timer { wake: booking.first_wake(), tries: 0, lease: None };
        Self { booking, told, timer, cause: None, causation: None, reply: ReplyChange::None }
    }
}

impl Bookings {
    /// Writes it; on `Done` the booking that is now stored comes with the verdict.
    pub(super) async fn commit(
        &self,
        moved: Moved,
        now: Timestamp,
    ) -> Result<(Committed, Booking), StoreError> {
        let Moved { mut booking, told, timer, cause, causation, reply } = moved;
        let expected_revision = booking.revision;
        number(&mut booking, told);
        let causation = cause.as_ref().map(|cause| cause.event_id.to_string()).or(causation);
        let event = told.map(|what| self.record(&booking, what, causation, now));
        let change = BookingChange {
            booking: booking.clone(),
            expected_revision,
            timer,
            events: event.into_iter().collect(),
            caused_by: cause,
            reply,
        };
        Ok((self.store.commit(change).await?, booking))
    }

    /// The first answer of the calls begun on this booking, which it has just come to.
    pub(super) fn complete(&self, booking: &Booking, told: Option<Happening>) -> ReplyChange {
        let mut answered = booking.clone();
        number(&mut answered, told);
        ReplyChange::Complete {
            resource_id: booking.id.to_string(),
            body: (self.encode_reply)(&answered),
        }
    }

    /// The answer that the key had before.
    pub(super) async fn replay<E>(&self, key: Option<&ReplyKey>) -> Result<Option<Vec<u8>>, E>
    where
        E: From<StoreError> + From<kernel::KeyRefused>,
    {
        let Some(key) = key else { return Ok(None) };
        Ok(judge_key(key, self.store.find_reply(key).await?)?)
    }

    /// A lease of a drive of its own.
    pub(super) fn new_lease(&self) -> Lease {
        Lease { owner: format!("{}/{}", self.owner, self.ids.next()), lasts: LEASE }
    }

    fn record(
        &self,
        booking: &Booking,
        what: Happening,
        causation_id: Option<String>,
        now: Timestamp,
    ) -> Recorded<BookingEvent> {
        Recorded {
            id: EventId::new(self.ids.next()),
            at: now,
            version: booking.event_version,
            correlation_id: booking.id.to_string(),
            causation_id,
            event: BookingEvent { what, booking: Box::new(booking.clone()) },
        }
    }
}

/// Counts the commit, and the event if it tells one.
fn number(booking: &mut Booking, told: Option<Happening>) {
    booking.revision += 1;
    booking.event_version += i64::from(told.is_some());
}
