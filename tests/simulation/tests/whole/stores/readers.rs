//! Letters and views behind the gates of their servers.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{
    BookingId, BuyerId, Cause, Committed, Cursor, Envelope, Locale, OrganizerId, StoreError,
    TicketId,
};
use memory_mypage::MemoryViewStore;
use memory_notification::MemoryNotificationStore;
use mypage::{BookingView, Changed, Fact, MyBooking, Tally, ViewStore};
use notification::{Change, Notification, NotificationStore, Recipient};

use crate::gate::{Gate, read, write_through};

pub(crate) struct Letters {
    pub(crate) inner: Arc<MemoryNotificationStore>,
    pub(crate) gate: Gate,
}

pub(crate) struct Views {
    pub(crate) inner: Arc<MemoryViewStore>,
    pub(crate) gate: Gate,
}

#[async_trait]
impl NotificationStore for Letters {
    async fn commit(&self, change: Change) -> Result<Committed, StoreError> {
        write_through!(self.commit(change))
    }

    async fn locale_of(&self, recipient: &Recipient) -> Result<Option<Locale>, StoreError> {
        read!(self.locale_of(recipient))
    }

    async fn list(
        &self,
        of: &notification::Filter,
        after: Option<Cursor>,
        rows_max: u32,
    ) -> Result<Vec<Notification>, StoreError> {
        read!(self.list(of, after, rows_max))
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

#[async_trait]
impl ViewStore for Views {
    async fn find(&self, booking_id: BookingId) -> Result<Option<BookingView>, StoreError> {
        read!(self.find(booking_id))
    }

    async fn fold(&self, fact: &Fact, caused_by: Cause) -> Result<Committed, StoreError> {
        write_through!(self.fold(fact, caused_by))
    }

    async fn list(
        &self,
        of: &mypage::Filter,
        after: Option<Cursor>,
        rows_max: u32,
    ) -> Result<Vec<MyBooking>, StoreError> {
        read!(self.list(of, after, rows_max))
    }

    async fn tallies(
        &self,
        organizer_id: &OrganizerId,
        ticket_id: Option<TicketId>,
    ) -> Result<Vec<Tally>, StoreError> {
        read!(self.tallies(organizer_id, ticket_id))
    }

    async fn changed_since(
        &self,
        buyer_id: &BuyerId,
        after: i64,
        rows_max: u32,
    ) -> Result<Vec<Changed>, StoreError> {
        read!(self.changed_since(buyer_id, after, rows_max))
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
