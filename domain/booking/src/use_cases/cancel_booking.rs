//! A buyer cancels (row T09): the first step of `cancellation.rs`.

use kernel::{
    Answered, BookingId, Caller, Committed, Fault, FaultClass, KeyRefused, ReplyChange, ReplyKey,
    StoreError, Timestamp,
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
    /// By the terms that it was made under it is too late.
    #[error("it could be cancelled until {0}")]
    TooLate(Timestamp),
    /// Others kept changing it.
    #[error("others are changing this booking; try again")]
    Contended,
}

impl Bookings {
    /// Cancels a booking for sure; stock and money follow, all but the fee that its terms name. A second cancel gives
    /// the same result.
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
        // Only its terms keep a confirmed one from it.
        status @ BookingStatus::Confirmed => {
            let until = booking.cancel_terms.not_after;
            let generally = CancelBookingError::NotCancellable(status);
            Err(until.map_or(generally, CancelBookingError::TooLate))
        }
        status @ (BookingStatus::Pending
        | BookingStatus::AwaitingPayment
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
            Self::NotCancellable(_) | Self::TooLate(_) => FaultClass::Refused,
            Self::Contended => FaultClass::Contended,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Get(inner) => inner.reason(),
            Self::Key(inner) => inner.reason(),
            Self::NotCancellable(_) | Self::TooLate(_) => "NOT_CANCELLABLE",
            Self::Contended => "CONTENDED",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        if let Self::TooLate(until) = self {
            vec![("not_after", until.to_string())]
        } else {
            Vec::new()
        }
    }
}
