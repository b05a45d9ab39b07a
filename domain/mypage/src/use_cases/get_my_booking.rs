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
    /// Something newer was asked for than is seen.
    #[error("version {wanted} of booking {booking_id} is not seen yet")]
    Behind {
        /// The booking.
        booking_id: BookingId,
        /// The version asked for.
        wanted: i64,
        /// The newest that is seen; 0 for none.
        seen: i64,
    },
    /// The store could not do its work.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl MyPage {
    /// One of the calling buyer's bookings, at `min_version` or later; at whatever is seen of it when 0. Somebody
    /// else's is answered as one that is not seen yet, for that is all there is to know of it.
    ///
    /// # Errors
    /// [`GetMyBookingError`].
    pub async fn get_my_booking(
        &self,
        caller: &Caller,
        booking_id: BookingId,
        min_version: i64,
    ) -> Result<MyBooking, GetMyBookingError> {
        let buyer = caller.buyer()?;
        let found = self.store.find(booking_id).await?;
        let shown = found.as_ref().and_then(BookingView::shown);
        let own = shown.filter(|row| row.booking.buyer_id == buyer);
        let seen = own.as_ref().map_or(0, |row| row.version);
        if seen < min_version {
            return Err(GetMyBookingError::Behind { booking_id, wanted: min_version, seen });
        }
        own.ok_or(GetMyBookingError::NotFound(booking_id))
    }
}

impl Fault for GetMyBookingError {
    fn class(&self) -> FaultClass {
        match self {
            Self::Access(error) => error.class(),
            Self::NotFound(_) => FaultClass::NotFound,
            Self::Behind { .. } => FaultClass::Unavailable,
            Self::Store(error) => error.class(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Access(error) => error.reason(),
            Self::NotFound(_) => "BOOKING_NOT_FOUND",
            Self::Behind { .. } => "VIEW_BEHIND",
            Self::Store(error) => error.reason(),
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Behind { seen, .. } => vec![("version", seen.to_string())],
            Self::Access(_) | Self::NotFound(_) | Self::Store(_) => Vec::new(),
        }
    }
}
