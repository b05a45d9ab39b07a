//! A buyer cancels (row T09): the first step of `cancellation.rs`, of a part of it that of `reduction.rs`.

use kernel::{
    Answered, BookingId, Caller, Committed, Fault, FaultClass, Invalid, KeyRefused, Quantity,
    ReplyChange, ReplyKey, StoreError, Timestamp, Violation,
};

use super::Bookings;
use super::booking_change::Moved;
use super::get_booking::GetBookingError;
use crate::limits::DECISIONS_MAX;
use crate::{
    Booking, BookingStatus, CancelReason, Fact, Happening, NotReduced, Offer, TicketTerms,
    Transition,
};

/// Asks to cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CancelBooking {
    /// The booking.
    pub booking_id: BookingId,
    /// How many of its units; all if `None`.
    pub quantity: Option<Quantity>,
}

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
    /// There is no such part of it, or none just now.
    #[error(transparent)]
    NotReduced(#[from] NotReduced),
    /// Others kept changing it.
    #[error("others are changing this booking; try again")]
    Contended,
}

impl Bookings {
    /// Cancels a booking for sure; stock and money follow, all but the fee that its terms name. A second cancel gives
    /// the same result. A part of it that is cancelled leaves it confirmed, and is taken only with a key, so that no
    /// repeat of the call cancels more.
    ///
    /// # Errors
    /// [`CancelBookingError`]
    pub async fn cancel_booking(
        &self,
        caller: &Caller,
        command: CancelBooking,
        key: Option<ReplyKey>,
    ) -> Result<Answered<Booking>, CancelBookingError> {
        if command.quantity.is_some() && key.is_none() {
            let why = "is taken only with an Idempotency-Key: else a repeat would cancel more";
            return Err(NotReduced::Invalid(Invalid(vec![Violation::new("quantity", why)])).into());
        }
        for _ in 0..DECISIONS_MAX {
            if let Some(body) = self.replay::<CancelBookingError>(key.as_ref()).await? {
                return Ok(Answered::Replayed(body));
            }
            let mut booking = self.get_booking(caller, command.booking_id).await?;
            let (was_pending, now) = (booking.is_pending(), self.clock.now());
            let part = command.quantity.filter(|by| *by != booking.booked.quantity());
            let told = match part {
                Some(by) => Some(booking.reduce(by, now)?),
                None => {
                    let reason = self.cancel_reason(&booking, now).await;
                    cancel(&mut booking, reason, now)?
                }
            };
            if told.is_none() && key.is_none() {
                return Ok(Answered::Fresh(booking));
            }
            // Where nothing moves, the key must have its answer all the same.
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

    /// Where its terms would cost its buyer something, the ticket is asked first: who cancels what is being cancelled
    /// anyway, for its ticket was deleted, gets all of it back. Where nobody answers, the terms stand.
    async fn cancel_reason(&self, booking: &Booking, now: Timestamp) -> CancelReason {
        let confirmed = booking.status() == BookingStatus::Confirmed;
        let is_free =
            booking.cancel_terms.fee(booking.left(), now).is_ok_and(|fee| fee.minor() == 0);
        if !confirmed || is_free {
            return CancelReason::BuyerCancelled;
        }
        match self.tickets.terms(booking.ticket.id).await {
            Ok(Some(TicketTerms { offer: Offer::Deleted, .. })) => CancelReason::TicketDeleted,
            Ok(_) | Err(_) => CancelReason::BuyerCancelled,
        }
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

/// What is told of it; nothing where it is cancelled already.
fn cancel(
    booking: &mut Booking,
    reason: CancelReason,
    now: Timestamp,
) -> Result<Option<Happening>, CancelBookingError> {
    match booking.on(&Fact::CancelRequested(reason), now) {
        Transition::Changed(told) => Ok(told),
        Transition::Ignored | Transition::GoOn | Transition::AskLater => {
            require_cancelled(booking).map(|()| None)
        }
    }
}

fn require_cancelled(booking: &Booking) -> Result<(), CancelBookingError> {
    let not_after = booking.cancel_terms.not_after;
    match (booking.status(), not_after) {
        (BookingStatus::Cancelling | BookingStatus::Cancelled, _) => Ok(()),
        (BookingStatus::Confirmed, Some(until)) => Err(NotReduced::TooLate(until).into()),
        (
            status @ (BookingStatus::Pending
            | BookingStatus::AwaitingPayment
            | BookingStatus::Confirmed
            | BookingStatus::Rejected
            | BookingStatus::Expired),
            _,
        ) => Err(CancelBookingError::NotCancellable(status)),
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
            Self::NotReduced(NotReduced::Invalid(inner)) => inner.class(),
            Self::NotCancellable(_)
            | Self::NotReduced(NotReduced::NotConfirmed(_) | NotReduced::TooLate(_)) => {
                FaultClass::Refused
            }
            Self::Contended | Self::NotReduced(NotReduced::UnderWay) => FaultClass::Contended,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Get(inner) => inner.reason(),
            Self::Key(inner) => inner.reason(),
            Self::NotReduced(NotReduced::Invalid(inner)) => inner.reason(),
            Self::NotCancellable(_)
            | Self::NotReduced(NotReduced::NotConfirmed(_) | NotReduced::TooLate(_)) => {
                "NOT_CANCELLABLE"
            }
            Self::NotReduced(NotReduced::UnderWay) => "CANCEL_IN_PROGRESS",
            Self::Contended => "CONTENDED",
        }
    }

    fn violations(&self) -> &[Violation] {
        if let Self::NotReduced(NotReduced::Invalid(inner)) = self {
            inner.violations()
        } else {
            &[]
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        if let Self::NotReduced(NotReduced::TooLate(until)) = self {
            vec![("not_after", until.to_string())]
        } else {
            Vec::new()
        }
    }
}
