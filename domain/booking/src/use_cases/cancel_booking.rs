//! A buyer cancels (row T09): the first step of `cancellation.rs`.

use kernel::{
    Answered, BookingId, Caller, Committed, Fault, FaultClass, KeyRefused, ReplyChange, ReplyKey,
    StoreError,
};

use super::Bookings;
use super::booking_change::Moved;
use super::get_booking::GetBookingError;
use crate::limits::DECISIONS_MAX;
use crate::{Booking, BookingStatus, CancelReason, Fact, Transition};

/// Why it was not cancelled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CancelBookingError {
    /// The caller has no such booking.
    #[error(transparent)]
    Get(#[from] GetBookingError),
    /// The key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyRefused),
    /// It came to nothing before.
    #[error("there is nothing to cancel any more; the booking is {0:?}")]
    NotCancellable(BookingStatus),
    /// Others kept changing it.
    #[error("others are changing this booking; try again")]
    Contended,
}

impl Bookings {
    /// Cancels a booking for sure; money and stock follow. A second cancel gives the same result.
    ///
    /// # Errors
    /// [`CancelBookingError`]
    pub async fn cancel_booking(
        &self,
        caller: &Caller,
        booking_id: BookingId,
        key: Option<ReplyKey>,
    ) -> Result<Answered<Booking>, CancelBookingError> {
        for _ in 0..DECISIONS_MAX {
            if let Some(body) = self.replay::<CancelBookingError>(key.as_ref()).await? {
                return Ok(Answered::Replayed(body));
            }
            let mut booking = self.get_booking(caller, booking_id).await?;
            let (was_pending, now) = (booking.is_pending(), self.clock.now());
            let wish = Fact::CancelRequested(CancelReason::BuyerCancelled);
            let told = match booking.on(&wish, now) {
                Transition::Changed(told) => told,
                Transition::Ignored | Transition::GoOn | Transition::AskLater => {
                    require_cancelled(&booking)?;
                    if key.is_none() {
                        return Ok(Answered::Fresh(booking));
                    }
                    // Nothing moves, but the key must have its answer.
                    None
                }
            };
            let mut moved = Moved::new(booking, told);
            moved.reply = self.cancel_reply(key.as_ref(), &moved, was_pending);
            let (verdict, booking) = self.commit(moved, now).await?;
            match verdict {
                // The calls that the cancel cut short are answered; the next round answers this key.
                Committed::Done if was_pending && key.is_some() => {}
                Committed::Done => return Ok(Answered::Fresh(booking)),
                Committed::Stale | Committed::KeyTaken | Committed::AlreadyHandled => {}
            }
        }
        Err(CancelBookingError::Contended)
    }

    /// A commit records one answer: that of the calls still open on a pending booking, else the key's.
    fn cancel_reply(
        &self,
        key: Option<&ReplyKey>,
        moved: &Moved,
        was_pending: bool,
    ) -> ReplyChange {
        match (key, self.complete(&moved.booking, moved.told)) {
            (Some(key), ReplyChange::Complete { body, .. }) if !was_pending => {
                ReplyChange::Record { key: key.clone(), body }
            }
            (_, complete) => complete,
        }
    }
}

fn require_cancelled(booking: &Booking) -> Result<(), CancelBookingError> {
    match booking.status() {
        BookingStatus::Cancelling | BookingStatus::Cancelled => Ok(()),
        status @ (BookingStatus::Pending
        | BookingStatus::AwaitingPayment
        | BookingStatus::Confirmed
        | BookingStatus::Rejected
        | BookingStatus::Expired) => Err(CancelBookingError::NotCancellable(status)),
    }
}

impl From<StoreError> for CancelBookingError {
    fn from(error: StoreError) -> Self {
        Self::Get(error.into())
    }
}

impl Fault for CancelBookingError {
    fn class(&self) -> FaultClass {
        match self {
            Self::Get(inner) => inner.class(),
            Self::Key(inner) => inner.class(),
            Self::NotCancellable(_) => FaultClass::Refused,
            Self::Contended => FaultClass::Contended,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Get(inner) => inner.reason(),
            Self::Key(inner) => inner.reason(),
            Self::NotCancellable(_) => "NOT_CANCELLABLE",
            Self::Contended => "CONTENDED",
        }
    }
}
