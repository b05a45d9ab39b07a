//! What this context needs from outside: the rows of the view.

use async_trait::async_trait;
use kernel::{
    BookingId, BuyerId, Cause, Committed, Cursor, Envelope, OrganizerId, StoreError, TicketId,
};

use crate::{BookingStatus, BookingView, MyBooking, Tally};

/// All that one event leads to, durable together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The row after the event; absent when the event was stale.
    pub view: Option<BookingView>,
    /// The revision the row was read at; 0 for a new row.
    pub expected_revision: i64,
    /// The event.
    pub caused_by: Cause,
}

/// From which side a list is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Viewer {
    /// What this buyer bought.
    Buyer(BuyerId),
    /// What this organizer sold.
    Organizer(OrganizerId),
}

/// Whose rows to list, and which of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Rows of this side, and of nobody else.
    pub viewer: Viewer,
    /// Only those of this ticket.
    pub ticket_id: Option<TicketId>,
    /// Only those with this status.
    pub status: Option<BookingStatus>,
}

/// A row that changed, for a watcher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The row as it is now.
    pub booking: MyBooking,
    /// The number of its last change among the changes of its buyer's rows; the next look begins after it.
    pub change_number: i64,
}

/// The rows of the view. Rows whose booking is not known yet are found by `find` alone.
#[async_trait]
pub trait ViewStore: Send + Sync {
    /// Reads the row of a booking.
    async fn find(&self, booking_id: BookingId) -> Result<Option<BookingView>, StoreError>;

    /// Stores a change with the mark that its cause was handled. MUST be all or nothing. MUST answer
    /// `AlreadyHandled` when the cause was handled before, `Stale` when the row is not at the expected revision.
    /// MUST give every change of a buyer's row a number above those of all that buyer's changes that were
    /// visible or committed before, so that a watcher who has seen a number has seen all below it.
    async fn commit(&self, change: Change) -> Result<Committed, StoreError>;

    /// Rows by `(create_time, booking_id)`, the newest first, from after the cursor, at most `rows_max`.
    async fn list(
        &self,
        of: &Filter,
        after: Option<Cursor>,
        rows_max: u32,
    ) -> Result<Vec<MyBooking>, StoreError>;

    /// An organizer's rows added up, of one ticket or of all, in any number of tallies.
    async fn tallies(
        &self,
        organizer_id: &OrganizerId,
        ticket_id: Option<TicketId>,
    ) -> Result<Vec<Tally>, StoreError>;

    /// A buyer's rows whose last change has a number above `after`, by that number, at most `rows_max`.
    async fn changed_since(
        &self,
        buyer_id: &BuyerId,
        after: i64,
        rows_max: u32,
    ) -> Result<Vec<Changed>, StoreError>;

    /// Sets a message aside that cannot be handled, with the mark that it was, for an operator.
    async fn park(
        &self,
        consumer: &'static str,
        message: &Envelope,
        reason: &str,
    ) -> Result<(), StoreError>;
}
