//! A buyer reads a booking.

use kernel::{AccessDenied, BookingId, Caller, Fault, FaultClass, StoreError};

use super::Bookings;
use crate::Booking;

/// Why there is nothing to read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GetBookingError {
    /// The caller is no buyer.
    #[error(transparent)]
    Access(#[from] AccessDenied),
    /// There is none, or it is somebody else's, which is not told.
    #[error("there is no such booking")]
    NotFound,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Bookings {
    /// Reads one of the caller's bookings.
    ///
    /// # Errors
    /// [`GetBookingError`]
    pub async fn get_booking(
        &self,
        caller: &Caller,
        id: BookingId,
    ) -> Result<Booking, GetBookingError> {
        let buyer_id = caller.buyer()?;
        let found = self.store.find(id).await?.map(|stored| stored.booking);
        found.filter(|booking| booking.buyer_id == buyer_id).ok_or(GetBookingError::NotFound)
    }
}

impl Fault for GetBookingError {
    fn class(&self) -> FaultClass {
        match self {
            Self::Access(inner) => inner.class(),
            Self::NotFound => FaultClass::NotFound,
            Self::Store(inner) => inner.class(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Access(inner) => inner.reason(),
            Self::NotFound => "BOOKING_NOT_FOUND",
            Self::Store(inner) => inner.reason(),
        }
    }
}
