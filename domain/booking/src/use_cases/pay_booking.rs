//! A buyer pays a booking that awaits payment (row T05, trap R06).

use kernel::{
    AccessDenied, Answered, BookingId, Caller, Committed, Fault, FaultClass, KeyRefused, ReplyKey,
    StoreError,
};

use super::Bookings;
use super::booking_change::Moved;
use super::create_booking::begin_reply;
use super::drive::Begun;
use super::get_booking::GetBookingError;
use crate::limits::{ATTEMPTS_MAX, DECISIONS_MAX};
use crate::{BookingStatus, Fact, Transition};

/// Asks to pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayBooking {
    /// The booking.
    pub booking_id: BookingId,
    /// The provider's token for the means of payment.
    pub payment_method: String,
}

/// Why no attempt was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayBookingError {
    /// The caller has no such booking.
    #[error(transparent)]
    Get(#[from] GetBookingError),
    /// The key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyRefused),
    /// It is not awaiting payment.
    #[error("only a booking that awaits payment can be paid; this one is {0:?}")]
    NotPayable(BookingStatus),
    /// Others kept changing it.
    #[error("others are changing this booking; try again")]
    Contended,
}

impl Bookings {
    /// Begins the next attempt, durably; [`Bookings::drive`] takes it further. While an attempt is live
    /// the booking is answered as it is and no other attempt begins; with a key the call is to come again.
    ///
    /// # Errors
    /// [`PayBookingError`]
    pub async fn pay_booking(
        &self,
        caller: &Caller,
        command: PayBooking,
        key: Option<ReplyKey>,
    ) -> Result<Answered<Begun>, PayBookingError> {
        for _ in 0..DECISIONS_MAX {
            if let Some(body) = self.replay::<PayBookingError>(key.as_ref()).await? {
                return Ok(Answered::Replayed(body));
            }
            let mut booking = self.get_booking(caller, command.booking_id).await?;
            if booking.is_pending() {
                // A key promises one outcome of its own call, and this call begins none.
                let begun = Begun { booking, lease: None };
                return if key.is_none() {
                    Ok(Answered::Fresh(begun))
                } else {
                    Err(PayBookingError::Contended)
                };
            }
            let now = self.clock.now();
            if booking.attempt > ATTEMPTS_MAX {
                return Err(PayBookingError::NotPayable(booking.status()));
            }
            let submitted = Fact::PaySubmitted { payment_method: command.payment_method.clone() };
            let Transition::Changed(told) = booking.on(&submitted, now) else {
                return Err(PayBookingError::NotPayable(booking.status()));
            };
            let lease = self.new_lease();
            let mut moved = Moved::new(booking, told);
            moved.timer.lease = Some(lease.clone());
            moved.reply = begin_reply(key.as_ref(), &moved.booking);
            let (verdict, booking) = self.commit(moved, now).await?;
            match verdict {
                Committed::Done => {
                    return Ok(Answered::Fresh(Begun { booking, lease: Some(lease) }));
                }
                Committed::Stale | Committed::KeyTaken | Committed::AlreadyHandled => {}
            }
        }
        Err(PayBookingError::Contended)
    }
}

impl From<StoreError> for PayBookingError {
    fn from(error: StoreError) -> Self {
        Self::Get(error.into())
    }
}

impl From<AccessDenied> for PayBookingError {
    fn from(denied: AccessDenied) -> Self {
        Self::Get(denied.into())
    }
}

impl Fault for PayBookingError {
    fn class(&self) -> FaultClass {
        match self {
            Self::Get(inner) => inner.class(),
            Self::Key(inner) => inner.class(),
            Self::NotPayable(_) => FaultClass::Refused,
            Self::Contended => FaultClass::Contended,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Get(inner) => inner.reason(),
            Self::Key(inner) => inner.reason(),
            Self::NotPayable(_) => "NOT_PAYABLE",
            Self::Contended => "CONTENDED",
        }
    }
}
