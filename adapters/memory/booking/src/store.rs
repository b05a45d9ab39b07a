//! Bookings in memory.

use std::ops::Bound;

use async_trait::async_trait;
use booking::{
    Booking, BookingChange, BookingFilter, BookingStore, Lease, MoneyBack, Process,
    RetirementProgress, State, Stored, Timer, Wake,
};
use kernel::{
    BookingId, Committed, Cursor, Envelope, KeyedReply, ReplyChange, ReplyKey, StoreError,
    TicketId, Timestamp,
};

use crate::{MemoryBookingStore, Tables};

#[async_trait]
impl BookingStore for MemoryBookingStore {
    async fn find(&self, id: BookingId) -> Result<Option<Stored>, StoreError> {
        Ok(self.tables().bookings.get(&id).cloned())
    }

    async fn list(
        &self,
        filter: &BookingFilter,
        after: Option<Cursor>,
        rows_max: u32,
    ) -> Result<Vec<Booking>, StoreError> {
        let place = |cursor: Cursor| (cursor.sort, cursor.id);
        let tables = self.tables();
        let bookings = tables.bookings.values().map(|stored| &stored.booking);
        let mut found: Vec<_> = bookings
            .filter(|booking| is_wanted(booking, filter))
            .filter(|booking| after.is_none_or(|end| place(booking.cursor()) < place(end)))
            .cloned()
            .collect();
        found.sort_by_key(|booking| std::cmp::Reverse(place(booking.cursor())));
        found.truncate(size(rows_max));
        Ok(found)
    }

    async fn open_of_ticket(
        &self,
        ticket_id: TicketId,
        after: Option<BookingId>,
        rows_max: u32,
    ) -> Result<Vec<BookingId>, StoreError> {
        let tables = self.tables();
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let bookings = tables.bookings.range((after, Bound::Unbounded));
        let open = bookings
            .map(|(_, stored)| &stored.booking)
            .filter(|booking| booking.ticket.id == ticket_id && booking.is_open());
        Ok(open.map(|booking| booking.id).take(size(rows_max)).collect())
    }

    async fn retirement_progress(
        &self,
        ticket_id: TicketId,
    ) -> Result<RetirementProgress, StoreError> {
        let mut progress = RetirementProgress::default();
        for Stored { booking, .. } in self.tables().bookings.values() {
            if booking.ticket.id != ticket_id {
                continue;
            }
            match booking.state {
                State::Cancelling { money, .. } => {
                    progress.cancelling += 1;
                    progress.stuck += u64::from(money == MoneyBack::Stuck);
                }
                State::Cancelled { .. } => progress.cancelled += 1,
                State::Pending { .. } | State::AwaitingPayment { .. } | State::Confirmed { .. } => {
                    progress.open += 1;
                }
                State::Rejected { .. } | State::Expired { .. } => {}
            }
        }
        Ok(progress)
    }

    async fn commit(&self, change: BookingChange) -> Result<Committed, StoreError> {
        let now = self.clock.now();
        let mut tables = self.tables();
        let id = change.booking.id;
        let revision = tables.bookings.get(&id).map_or(0, |stored| stored.booking.revision);
        if revision != change.expected_revision {
            return Ok(Committed::Stale);
        }
        let cause = change.caused_by.map(|cause| (cause.consumer, cause.event_id));
        if cause.is_some_and(|cause| tables.handled.contains(&cause)) {
            return Ok(Committed::AlreadyHandled);
        }
        if !tables.write_reply(change.reply) {
            return Ok(Committed::KeyTaken);
        }
        let process = process(change.timer, now);
        tables.handled.extend(cause);
        tables.bookings.insert(id, Stored { booking: change.booking, process });
        tables.events.extend(change.events);
        tables.operator_log.extend(change.by_operator);
        tables.commits += 1;
        Ok(Committed::Done)
    }

    async fn keep_answer(&self, key: &ReplyKey, body: Vec<u8>) -> Result<Committed, StoreError> {
        let mut tables = self.tables();
        if !tables.write_reply(ReplyChange::Record { key: key.clone(), body }) {
            return Ok(Committed::KeyTaken);
        }
        tables.commits += 1;
        Ok(Committed::Done)
    }

    async fn find_reply(&self, key: &ReplyKey) -> Result<Option<KeyedReply>, StoreError> {
        Ok(self.tables().replies.get(&(key.scope.clone(), key.key.clone())).cloned())
    }

    async fn claim_due(&self, lease: &Lease, rows_max: u32) -> Result<Vec<Stored>, StoreError> {
        let now = self.clock.now();
        let mut tables = self.tables();
        let mut due: Vec<_> =
            tables.bookings.values_mut().filter(|stored| is_due(&stored.process, now)).collect();
        due.sort_by_key(|stored| stored.process.next_action_at);
        due.truncate(size(rows_max));
        let claim = |stored: &mut Stored| {
            take_lease(&mut stored.process, lease, now);
            stored.booking.revision += 1;
            stored.clone()
        };
        Ok(due.into_iter().map(claim).collect())
    }

    async fn renew_lease(&self, id: BookingId, lease: &Lease) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let mut tables = self.tables();
        let Some(stored) = tables.bookings.get_mut(&id) else { return Ok(false) };
        if stored.process.lease_owner.as_deref() != Some(&lease.owner) {
            return Ok(false);
        }
        take_lease(&mut stored.process, lease, now);
        Ok(true)
    }

    async fn park(
        &self,
        consumer: &'static str,
        message: &Envelope,
        _reason: &str,
    ) -> Result<(), StoreError> {
        self.tables().handled.insert((consumer, message.id));
        Ok(())
    }
}

impl Tables {
    /// Says whether the key was free.
    fn write_reply(&mut self, reply: ReplyChange) -> bool {
        let (key, resource_id, body) = match reply {
            ReplyChange::None => return true,
            ReplyChange::Complete { resource_id, body } => {
                let open = |reply: &&mut KeyedReply| {
                    reply.resource_id == resource_id && reply.body.is_none()
                };
                self.replies.values_mut().filter(open).for_each(|r| r.body = Some(body.clone()));
                return true;
            }
            ReplyChange::Begin { key, resource_id } => (key, resource_id, None),
            ReplyChange::Record { key, body } => (key, String::new(), Some(body)),
        };
        let name = (key.scope, key.key);
        if self.replies.contains_key(&name) {
            return false;
        }
        let reply = KeyedReply { fingerprint: key.fingerprint, resource_id, body };
        self.replies.insert(name, reply);
        true
    }
}

fn process(timer: Timer, now: Timestamp) -> Process {
    let next_action_at = match timer.wake {
        Wake::Never => None,
        Wake::After(wait) => Some(now.plus(wait)),
        Wake::At(moment) => Some(moment),
    };
    let mut process = Process { next_action_at, tries: timer.tries, ..Process::default() };
    if let Some(lease) = &timer.lease {
        take_lease(&mut process, lease, now);
    }
    process
}

fn take_lease(process: &mut Process, lease: &Lease, now: Timestamp) {
    process.lease_owner = Some(lease.owner.clone());
    process.lease_until = Some(now.plus(lease.lasts));
}

fn is_due(process: &Process, now: Timestamp) -> bool {
    process.next_action_at.is_some_and(|at| at <= now)
        && process.lease_until.is_none_or(|until| until <= now)
}

fn is_wanted(booking: &Booking, filter: &BookingFilter) -> bool {
    let BookingFilter { buyer_id, ticket_id, status } = filter;
    booking.buyer_id == *buyer_id
        && ticket_id.is_none_or(|id| booking.ticket.id == id)
        && status.is_none_or(|status| booking.status() == status)
}

fn size(rows_max: u32) -> usize {
    usize::try_from(rows_max).unwrap_or(usize::MAX)
}
