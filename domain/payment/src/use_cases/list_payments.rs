//! Lists the caller's payments, the newest first.

use kernel::{AccessDenied, BookingId, Caller, Cursor, Fault, FaultClass, PageSize, StoreError};

use super::Paying;
use crate::{Payment, PaymentFilter};

/// Which of the caller's payments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListPayments {
    /// Only those of this booking.
    pub booking_id: Option<BookingId>,
    /// Rows of the page.
    pub page_size: PageSize,
    /// Where the page before ended.
    pub after: Option<Cursor>,
}

/// A page of payments, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentPage {
    /// The payments.
    pub payments: Vec<Payment>,
    /// Where the next page begins; absent after the last one.
    pub next: Option<Cursor>,
}

/// Why there is no page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListPaymentsError {
    /// The caller is no buyer.
    #[error(transparent)]
    Access(#[from] AccessDenied),
    /// The store could not do its work.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Paying {
    /// One page of the caller's payments.
    ///
    /// # Errors
    /// [`ListPaymentsError`].
    pub async fn list_payments(
        &self,
        caller: &Caller,
        query: ListPayments,
    ) -> Result<PaymentPage, ListPaymentsError> {
        let filter = PaymentFilter { buyer_id: caller.buyer()?, booking_id: query.booking_id };
        let rows = query.page_size.get();
        // One row more than the page tells whether there is another page.
        let mut payments = self.settlements.list(&filter, query.after, rows + 1).await?;
        let more = payments.len() > rows as usize;
        payments.truncate(rows as usize);
        let next = payments.last().filter(|_| more).map(Payment::cursor);
        Ok(PaymentPage { payments, next })
    }
}

impl Fault for ListPaymentsError {
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
