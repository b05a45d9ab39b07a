//! What the commands about holds of the house have in common: whose ticket it is, and why they do not go through.

use kernel::{
    AccessDenied, Caller, Fault, FaultClass, KeyRefused, StoreError, TicketId, Violation,
};

use super::Ticketing;
use crate::StockRefusal;

/// Why a command about holds of the house did not go through.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HouseHoldError {
    /// The caller may not sell at all.
    #[error(transparent)]
    Access(#[from] AccessDenied),
    /// Another organizer's ticket.
    #[error("the ticket belongs to another organizer")]
    NotYours,
    /// The command itself was refused.
    #[error(transparent)]
    Refused(#[from] StockRefusal),
    /// The idempotency key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyRefused),
    /// The store failed. It is unknown whether the command went through: send the same again, with its key.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Ticketing {
    /// Whether the ticket is there and the caller's.
    pub(super) async fn check_own(
        &self,
        caller: &Caller,
        ticket_id: TicketId,
    ) -> Result<(), HouseHoldError> {
        let organizer = caller.organizer()?;
        let found = self.store.find(ticket_id).await?;
        let listing = found.ok_or(StockRefusal::TicketNotFound)?;
        if listing.ticket.organizer_id == organizer {
            Ok(())
        } else {
            Err(HouseHoldError::NotYours)
        }
    }
}

impl Fault for HouseHoldError {
    fn class(&self) -> FaultClass {
        match self {
            Self::NotYours => FaultClass::Forbidden,
            Self::Access(inner) => inner.class(),
            Self::Refused(inner) => inner.class(),
            Self::Key(inner) => inner.class(),
            Self::Store(inner) => inner.class(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::NotYours => "PERMISSION_DENIED",
            Self::Access(inner) => inner.reason(),
            Self::Refused(inner) => inner.reason(),
            Self::Key(inner) => inner.reason(),
            Self::Store(inner) => inner.reason(),
        }
    }

    fn violations(&self) -> &[Violation] {
        if let Self::Refused(inner) = self { inner.violations() } else { &[] }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        if let Self::Refused(inner) = self { inner.metadata() } else { Vec::new() }
    }
}
