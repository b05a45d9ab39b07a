//! Lists what the caller was told, as buyer, as organizer, or both; nobody sees another's (row T07).

use kernel::{
    AccessDenied, BookingId, Caller, Cursor, Fault, FaultClass, PageSize, StoreError, TicketId,
};

use super::Notifying;
use crate::{Filter, Notification, Recipient};

/// Which of the caller's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListNotifications {
    /// Only those about this booking.
    pub booking_id: Option<BookingId>,
    /// Only those about this ticket.
    pub ticket_id: Option<TicketId>,
    /// Rows of the page.
    pub page_size: PageSize,
    /// Where the page before ended.
    pub after: Option<Cursor>,
}

/// A page of messages, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The messages.
    pub notifications: Vec<Notification>,
    /// Where the next page begins; absent after the last one.
    pub next: Option<Cursor>,
}

/// Why there is no page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListNotificationsError {
    /// The caller is neither a buyer nor an organizer.
    #[error(transparent)]
    Access(#[from] AccessDenied),
    /// The store could not do its work.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Notifying {
    /// One page of the caller's messages.
    ///
    /// # Errors
    /// [`ListNotificationsError`].
    pub async fn list_notifications(
        &self,
        caller: &Caller,
        query: ListNotifications,
    ) -> Result<Page, ListNotificationsError> {
        let filter = Filter {
            recipients: parts_of(caller)?,
            booking_id: query.booking_id,
            ticket_id: query.ticket_id,
        };
        let rows = query.page_size.get();
        // One row more than the page tells whether there is another page.
        let mut notifications = self.store.list(&filter, query.after, rows + 1).await?;
        let more = notifications.len() > rows as usize;
        notifications.truncate(rows as usize);
        let next = notifications.last().filter(|_| more).map(Notification::cursor);
        Ok(Page { notifications, next })
    }
}

/// The caller as a buyer and as an organizer, whichever the token says.
fn parts_of(caller: &Caller) -> Result<Vec<Recipient>, AccessDenied> {
    let buyer = caller.buyer().map(Recipient::Buyer);
    let organizer = caller.organizer().map(Recipient::Organizer);
    match (buyer, organizer) {
        (Ok(buyer), Ok(organizer)) => Ok(vec![buyer, organizer]),
        (Ok(part), Err(_)) | (Err(_), Ok(part)) => Ok(vec![part]),
        (Err(denied), Err(_)) => Err(denied),
    }
}

impl Fault for ListNotificationsError {
    fn class(&self) -> FaultClass {
        match self {
            Self::Access(error) => error.class(),
            Self::Store(error) => error.class(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Access(error) => error.reason(),
            Self::Store(error) => error.reason(),
        }
    }
}
