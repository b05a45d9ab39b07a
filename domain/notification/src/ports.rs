//! What this context needs from outside: the ledger of what was sent.

use async_trait::async_trait;
use kernel::{BookingId, Cause, Committed, Cursor, Envelope, Locale, StoreError, TicketId};

use crate::{Learned, Notification, Recipient};

/// All that one event leads to, durable together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The messages it leads to; none for an event that nobody is told of.
    pub notifications: Vec<Notification>,
    /// What it says of somebody's language.
    pub learned: Option<Learned>,
    /// The event.
    pub caused_by: Cause,
}

/// Whose messages to list, and which of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Messages to any of these, and to nobody else.
    pub recipients: Vec<Recipient>,
    /// Only those about this booking.
    pub booking_id: Option<BookingId>,
    /// Only those about this ticket.
    pub ticket_id: Option<TicketId>,
}

/// The ledger of what was sent, with the languages learned on the way.
#[async_trait]
pub trait NotificationStore: Send + Sync {
    /// Stores a change with the mark that its cause was handled. MUST be all or nothing. MUST answer
    /// `AlreadyHandled` when the cause was handled before, or when one of the messages is there already: there is
    /// one for each event, recipient and channel, whatever consumer brings it (invariant I7). Else `Done`; there is
    /// no other verdict. Of two languages of one recipient MUST keep the one learned of the later event.
    async fn commit(&self, change: Change) -> Result<Committed, StoreError>;

    /// The language learned of a recipient.
    async fn locale_of(&self, recipient: &Recipient) -> Result<Option<Locale>, StoreError>;

    /// Messages by `(create_time, id)`, the newest first, from after the cursor, at most `rows_max`.
    async fn list(
        &self,
        of: &Filter,
        after: Option<Cursor>,
        rows_max: u32,
    ) -> Result<Vec<Notification>, StoreError>;

    /// Sets a message aside that cannot be handled, with the mark that it was, for an operator.
    async fn park(
        &self,
        consumer: &'static str,
        message: &Envelope,
        reason: &str,
    ) -> Result<(), StoreError>;
}
