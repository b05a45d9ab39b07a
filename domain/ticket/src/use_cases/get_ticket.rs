//! Anyone reads a ticket.

use kernel::{Fault, FaultClass, StoreError, TicketId};

use super::Ticketing;
use crate::Listing;

/// Why a ticket was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GetTicketError {
    /// No such ticket.
    #[error("there is no such ticket")]
    NotFound,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Ticketing {
    /// Reads a ticket, also a deleted one.
    ///
    /// # Errors
    /// [`GetTicketError`]
    pub async fn get_ticket(&self, ticket_id: TicketId) -> Result<Listing, GetTicketError> {
        self.store.find(ticket_id).await?.ok_or(GetTicketError::NotFound)
    }
}

impl Fault for GetTicketError {
    fn class(&self) -> FaultClass {
        match self {
            Self::NotFound => FaultClass::NotFound,
            Self::Store(inner) => inner.class(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::NotFound => "TICKET_NOT_FOUND",
            Self::Store(inner) => inner.reason(),
        }
    }
}
