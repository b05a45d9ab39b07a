//! Lists the bookings of the calling organizer's tickets, the newest first (row T07).

use kernel::{Caller, Cursor, PageSize, TicketId};

use super::{MyPage, Page, ReadError};
use crate::{BookingStatus, Filter, Viewer};

/// Which of the caller's sales.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListMySales {
    /// Only those of this ticket.
    pub ticket_id: Option<TicketId>,
    /// Only those with this status.
    pub status: Option<BookingStatus>,
    /// Rows of the page.
    pub page_size: PageSize,
    /// Where the page before ended.
    pub after: Option<Cursor>,
}

impl MyPage {
    /// One page of the calling organizer's sales.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn list_my_sales(
        &self,
        caller: &Caller,
        query: ListMySales,
    ) -> Result<Page, ReadError> {
        let viewer = Viewer::Organizer(caller.organizer()?);
        let filter = Filter { viewer, ticket_id: query.ticket_id, status: query.status };
        self.page(&filter, query.after, query.page_size).await
    }
}
