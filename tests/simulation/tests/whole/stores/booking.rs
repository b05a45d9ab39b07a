//! Bookings behind the gate of a server.

use std::sync::Arc;

use async_trait::async_trait;
use booking::{
    Booking, BookingChange, BookingFilter, BookingStore, Lease, RetirementProgress, Stored,
};
use kernel::{BookingId, Committed, Cursor, Envelope, KeyedReply, ReplyKey, StoreError, TicketId};
use memory_booking::MemoryBookingStore;

use crate::gate::{Gate, read, write_through};

pub(crate) struct Rows {
    pub(crate) inner: Arc<MemoryBookingStore>,
    pub(crate) gate: Gate,
}

#[async_trait]
impl BookingStore for Rows {
    async fn find(&self, id: BookingId) -> Result<Option<Stored>, StoreError> {
        read!(self.find(id))
    }

    async fn list(
        &self,
        filter: &BookingFilter,
        after: Option<Cursor>,
        rows_max: u32,
    ) -> Result<Vec<Booking>, StoreError> {
        read!(self.list(filter, after, rows_max))
    }

    async fn open_of_ticket(
        &self,
        ticket_id: TicketId,
        after: Option<BookingId>,
        rows_max: u32,
    ) -> Result<Vec<BookingId>, StoreError> {
        read!(self.open_of_ticket(ticket_id, after, rows_max))
    }

    async fn retirement_progress(
        &self,
        ticket_id: TicketId,
    ) -> Result<RetirementProgress, StoreError> {
        read!(self.retirement_progress(ticket_id))
    }

    async fn commit(&self, change: BookingChange) -> Result<Committed, StoreError> {
        self.gate.tell(|| format!("{} is to be {:?}", change.booking.id, change.booking.state));
        write_through!(self.commit(change))
    }

    async fn keep_answer(&self, key: &ReplyKey, body: Vec<u8>) -> Result<Committed, StoreError> {
        write_through!(self.keep_answer(key, body))
    }

    async fn find_reply(&self, key: &ReplyKey) -> Result<Option<KeyedReply>, StoreError> {
        read!(self.find_reply(key))
    }

    async fn claim_due(&self, lease: &Lease, rows_max: u32) -> Result<Vec<Stored>, StoreError> {
        write_through!(self.claim_due(lease, rows_max))
    }

    async fn renew_lease(&self, id: BookingId, lease: &Lease) -> Result<bool, StoreError> {
        write_through!(self.renew_lease(id, lease))
    }

    async fn park(
        &self,
        consumer: &'static str,
        message: &Envelope,
        reason: &str,
    ) -> Result<(), StoreError> {
        write_through!(self.park(consumer, message, reason))
    }
}
