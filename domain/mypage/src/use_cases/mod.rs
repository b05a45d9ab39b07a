//! The inbound ports of the my page context.

mod fold_fact;
mod get_my_booking;
mod get_sales_summary;
mod list_my_bookings;
mod list_my_sales;
mod rebuild_view;
mod watch_my_bookings;

use std::sync::Arc;

use kernel::{AccessDenied, Cursor, Fault, FaultClass, PageSize, StoreError};

pub use fold_fact::FoldFactError;
pub use get_my_booking::GetMyBookingError;
pub use get_sales_summary::GetSalesSummaryError;
pub use list_my_bookings::ListMyBookings;
pub use list_my_sales::ListMySales;
pub use rebuild_view::{Rebuild, RebuildViewError, Rebuilt};

use crate::{Filter, MyBooking, ViewStore};

/// Shows buyers their bookings and organizers their sales.
pub struct MyPage {
    /// The rows.
    pub store: Arc<dyn ViewStore>,
}

/// A page of rows, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The rows.
    pub bookings: Vec<MyBooking>,
    /// Where the next page begins; absent after the last one.
    pub next: Option<Cursor>,
}

/// Why rows are not shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The caller lacks the part.
    #[error(transparent)]
    Access(#[from] AccessDenied),
    /// The store could not do its work.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl MyPage {
    async fn page(
        &self,
        of: &Filter,
        after: Option<Cursor>,
        size: PageSize,
    ) -> Result<Page, ReadError> {
        let rows = size.get();
        // One row more than the page tells whether there is another page.
        let mut bookings = self.store.list(of, after, rows + 1).await?;
        let more = bookings.len() > rows as usize;
        bookings.truncate(rows as usize);
        let next = bookings.last().filter(|_| more).map(MyBooking::cursor);
        Ok(Page { bookings, next })
    }
}

impl Fault for ReadError {
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
