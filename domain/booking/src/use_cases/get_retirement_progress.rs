//! An organizer looks how far the bookings of a deleted ticket have come (trap R09).

use kernel::{AccessDenied, Caller, Fault, FaultClass, StoreError, TicketId};

use super::Bookings;

/// How many bookings of a ticket are where, on the way from its deletion to the last refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RetirementProgress {
    /// Not cancelled yet: PENDING, AWAITING_PAYMENT or CONFIRMED.
    pub open: u64,
    /// Their money or their stock is on its way back, the stuck ones among them.
    pub cancelling: u64,
    /// Of them those whose refund waits for an operator.
    pub stuck: u64,
    /// Cancelled because the ticket was deleted.
    pub cancelled: u64,
}

/// Why nothing is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GetRetirementProgressError {
    /// The caller is no organizer.
    #[error(transparent)]
    Access(#[from] AccessDenied),
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
    /// Counts the bookings of one of the caller's tickets. Of anybody else's there are none, as of one that is unknown.
    ///
    /// # Errors
    /// [`GetRetirementProgressError`]
    pub async fn get_retirement_progress(
        &self,
        caller: &Caller,
        ticket_id: TicketId,
    ) -> Result<RetirementProgress, GetRetirementProgressError> {
        let organizer_id = caller.organizer()?;
        Ok(self.store.retirement_progress(ticket_id, &organizer_id).await?)
    }
}

impl Fault for GetRetirementProgressError {
    fn class(&self) -> FaultClass {
        match self {
            Self::Access(inner) => inner.class(),
            Self::Store(inner) => inner.class(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Access(inner) => inner.reason(),
            Self::Store(inner) => inner.reason(),
        }
    }
}
