//! A buyer lists own bookings.

use kernel::{AccessDenied, Caller, Cursor, Fault, FaultClass, PageSize, StoreError, TicketId};

use super::Bookings;
use crate::{Booking, BookingFilter, BookingStatus};

/// Which of the caller's bookings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListBookings {
    /// Only those of this ticket.
    pub ticket_id: Option<TicketId>,
    /// Only those with this status.
    pub status: Option<BookingStatus>,
    /// Rows of the page.
    pub page_size: PageSize,
    /// Where the page before ended.
    pub after: Option<Cursor>,
}

/// A page of bookings, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookingPage {
    /// The bookings.
    pub bookings: Vec<Booking>,
    /// Where the next page begins; absent after the last one.
    pub next: Option<Cursor>,
}

/// Why there is no page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListBookingsError {
    /// The caller is no buyer.
    #[error(transparent)]
    Access(#[from] AccessDenied),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Bookings {
    /// One page of the caller's bookings.
    ///
    /// # Errors
    /// [`ListBookingsError`]
    pub async fn list_bookings(
        &self,
        caller: &Caller,
        query: ListBookings,
    ) -> Result<BookingPage, ListBookingsError> {
        let filter = BookingFilter {
            buyer_id: caller.buyer()?,
            ticket_id: query.ticket_id,
            status: query.status,
        };
        let rows = query.page_size.get();
        // One row more than the page tells whether there is another page.
        let mut bookings = self.store.list(&filter, query.after, rows + 1).await?;
        let more = bookings.len() > rows as usize;
        bookings.truncate(rows as usize);
        let next = bookings.last().filter(|_| more).map(Booking::cursor);
        Ok(BookingPage { bookings, next })
    }
}

impl Fault for ListBookingsError {
    fn class(&self) -> FaultClass {
        match self {
            Self::Access(inner) => inner.class(),
            Self::Store(inner) => inner.class(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Access(inner) => inner.reason(),
            Self::Store(inner) => inner.reason(),
        }
    }
}
