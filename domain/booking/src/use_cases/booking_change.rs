//! What every commit of a booking has in common.

use kernel::{
    Cause, Committed, EventId, IdSource, OperatorEntry, Recorded, ReplyChange, ReplyKey,
    StoreError, Timestamp, judge_key,
};

use super::Bookings;
use crate::{
    Booking, BookingChange, BookingEvent, BookingStore, Happening, LEASE, Lease, State, Timer,
};

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
    pub(super) by_operator: Option<OperatorEntry>,
}

impl Moved {
    /// A move that nobody waits for but the booking's own process.
    pub(super) fn new(booking: Booking, told: Option<Happening>) -> Self {
        let timer = Timer { wake: booking.first_wake(), tries: 0, lease: None };
        let reply = ReplyChange::None;
        Self { booking, told, timer, cause: None, causation: None, reply, by_operator: None }
    }

    /// Writes it; on `Done` the booking that is now stored comes with the verdict.
    pub(super) async fn commit(
        self,
        store: &dyn BookingStore,
        ids: &dyn IdSource,
        now: Timestamp,
    ) -> Result<(Committed, Booking), StoreError> {
        let Self { mut booking, told, timer, cause, causation, reply, by_operator } = self;
        let expected_revision = booking.revision;
        number(&mut booking, told);
        let causation = cause.as_ref().map(|cause| cause.event_id.to_string()).or(causation);
        let event =
            told.map(|what| record(EventId::new(ids.next()), &booking, what, causation, now));
        let change = BookingChange {
            booking: booking.clone(),
            expected_revision,
            timer,
            events: event.into_iter().collect(),
            caused_by: cause,
            reply,
            by_operator,
        };
        Ok((store.commit(change).await?, booking))
    }
}

impl Bookings {
    /// Writes it; on `Done` the booking that is now stored comes with the verdict.
    pub(super) async fn commit(
        &self,
        moved: Moved,
        now: Timestamp,
    ) -> Result<(Committed, Booking), StoreError> {
        moved.commit(&*self.store, &*self.ids, now).await
    }

    /// The first answer of the calls begun on this booking, which it has just come to.
    pub(super) fn complete(&self, booking: &Booking, told: Option<Happening>) -> ReplyChange {
        complete(self.encode_reply, booking, told)
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
}

/// Calls that are still open on a booking are answered when it leaves PENDING, at the latest when it has ended.
pub(super) fn reply_after(
    encode_reply: fn(&Booking) -> Vec<u8>,
    was_pending: bool,
    moved: &Moved,
) -> ReplyChange {
    let after = &moved.booking;
    let decided = was_pending && !after.is_pending();
    if decided || matches!(after.state, State::Cancelled { .. }) {
        complete(encode_reply, after, moved.told)
    } else {
        ReplyChange::None
    }
}

fn complete(
    encode_reply: fn(&Booking) -> Vec<u8>,
    booking: &Booking,
    told: Option<Happening>,
) -> ReplyChange {
    let mut answered = booking.clone();
    number(&mut answered, told);
    ReplyChange::Complete { resource_id: booking.id.to_string(), body: encode_reply(&answered) }
}

fn record(
    id: EventId,
    booking: &Booking,
    what: Happening,
    causation_id: Option<String>,
    now: Timestamp,
) -> Recorded<BookingEvent> {
    Recorded {
        id,
        at: now,
        version: booking.event_version,
        correlation_id: booking.id.to_string(),
        causation_id,
        event: BookingEvent { what, booking: Box::new(booking.clone()) },
    }
}

/// Counts the commit, and the event if it tells one.
fn number(booking: &mut Booking, told: Option<Happening>) {
    booking.revision += 1;
    booking.event_version += i64::from(told.is_some());
}
