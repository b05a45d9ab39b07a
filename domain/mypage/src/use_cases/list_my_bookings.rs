//! Lists the caller's bookings, the newest first (row T08).

use kernel::{Caller, Cursor, PageSize};

use super::{MyPage, Page, ReadError};
use crate::{BookingStatus, Filter, Viewer};

/// Which of the caller's bookings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListMyBookings {
    /// Only those with this status.
    pub status: Option<BookingStatus>,
    /// Rows of the page.
    pub page_size: PageSize,
    /// Where the page before ended.
    pub after: Option<Cursor>,
}

impl MyPage {
    /// One page of the calling buyer's bookings.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn list_my_bookings(
        &self,
        caller: &Caller,
        query: ListMyBookings,
    ) -> Result<Page, ReadError> {
        let viewer = Viewer::Buyer(caller.buyer()?);
        let filter = Filter { viewer, ticket_id: None, status: query.status };
        self.page(&filter, query.after, query.page_size).await
    }
}
