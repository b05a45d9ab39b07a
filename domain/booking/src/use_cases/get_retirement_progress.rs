//! An organizer looks how far the bookings of a deleted ticket have come (trap R09).

use kernel::{AccessDenied, Caller, Fault, FaultClass, StoreError, TicketId};

use super::Bookings;
use crate::Unanswered;

/// How many bookings of a ticket are where, on the way from its deletion to the last refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RetirementProgress {
    /// Not cancelled yet: PENDING, AWAITING_PAYMENT or CONFIRMED.
    pub open: u64,
    /// Their money or their stock is on its way back, the stuck ones among them.
    pub cancelling: u64,
    /// Of them those whose refund waits for an operator.
    pub stuck: u64,
    /// Cancelled, for whatever reason.
    pub cancelled: u64,
}

/// Why nothing is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GetRetirementProgressError {
    /// The caller is no organizer.
    #[error(transparent)]
    Access(#[from] AccessDenied),
    /// The caller has no such ticket.
    #[error("there is no such ticket")]
    TicketNotFound,
    /// The ticket context did not answer.
    #[error("the ticket context did not answer: {0}")]
    TicketsAway(#[from] Unanswered),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl RetirementProgress {
    /// Whether no booking is left that has anything to give back.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        self.open == 0 && self.cancelling == 0
    }
}

impl Bookings {
    /// Counts the bookings of one of the caller's tickets. Whose it is its own context knows: here nothing is known of a
    /// ticket that nobody has booked, and it would look settled. Somebody else's is as good as unknown.
    ///
    /// # Errors
    /// [`GetRetirementProgressError`]
    pub async fn get_retirement_progress(
        &self,
        caller: &Caller,
        ticket_id: TicketId,
    ) -> Result<RetirementProgress, GetRetirementProgressError> {
        let organizer_id = caller.organizer()?;
        let terms = self.tickets.terms(ticket_id).await?;
        if terms.is_none_or(|terms| terms.organizer_id != organizer_id) {
            return Err(GetRetirementProgressError::TicketNotFound);
        }
        Ok(self.store.retirement_progress(ticket_id).await?)
    }
}

impl Fault for GetRetirementProgressError {
    fn class(&self) -> FaultClass {
        match self {
            Self::Access(inner) => inner.class(),
            Self::TicketNotFound => FaultClass::NotFound,
            Self::TicketsAway(_) => FaultClass::Unavailable,
            Self::Store(inner) => inner.class(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Access(inner) => inner.reason(),
            Self::TicketNotFound => "TICKET_NOT_FOUND",
            Self::TicketsAway(_) => "UNAVAILABLE",
            Self::Store(inner) => inner.reason(),
        }
    }
}
