//! Reads one of the caller's bookings; anyone else's does not exist (row T08).

use kernel::{AccessDenied, BookingId, Caller, Fault, FaultClass, StoreError};

use super::MyPage;
use crate::{BookingView, MyBooking};

/// Why the booking is not shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GetMyBookingError {
    /// The caller is not a buyer.
    #[error(transparent)]
    Access(#[from] AccessDenied),
    /// There is none, or none of the caller's.
    #[error("you have no booking {0}")]
    NotFound(BookingId),
    /// The store could not do its work.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl MyPage {
    /// One of the calling buyer's bookings.
    ///
    /// # Errors
    /// [`GetMyBookingError`].
    pub async fn get_my_booking(
        &self,
        caller: &Caller,
        booking_id: BookingId,
    ) -> Result<MyBooking, GetMyBookingError> {
        let buyer = caller.buyer()?;
        let found = self.store.find(booking_id).await?;
        found
            .as_ref()
            .and_then(BookingView::shown)
            .filter(|row| row.booking.buyer_id == buyer)
            .ok_or(GetMyBookingError::NotFound(booking_id))
    }
}

impl Fault for GetMyBookingError {
    fn class(&self) -> FaultClass {
        match self {
            Self::Access(error) => error.class(),
            Self::NotFound(_) => FaultClass::NotFound,
            Self::Store(error) => error.class(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Access(error) => error.reason(),
            Self::NotFound(_) => "BOOKING_NOT_FOUND",
            Self::Store(error) => error.reason(),
        }
    }
}
