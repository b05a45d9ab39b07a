//! What the commands about holds of the house have in common: whose ticket it is, the one answer of a key, and why they
//! do not go through.

use kernel::{
    AccessDenied, Answered, Fault, FaultClass, KeyRefused, OrganizerId, ReplyKey, StoreError,
    TicketId, Violation,
};

use super::Ticketing;
use super::execute_stock::only;
use crate::{Hold, StockCommand, StockOutcome, StockRefusal};

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
    /// Whether the ticket is there and the organizer's.
    pub(super) async fn check_own(
        &self,
        organizer: &OrganizerId,
        ticket_id: TicketId,
    ) -> Result<(), HouseHoldError> {
        let found = self.store.find(ticket_id).await?;
        let listing = found.ok_or(StockRefusal::TicketNotFound)?;
        if listing.ticket.organizer_id == *organizer {
            Ok(())
        } else {
            Err(HouseHoldError::NotYours)
        }
    }

    /// Has an order decided, once for its key: whoever comes second with it gets the first answer.
    pub(super) async fn order_for_the_house(
        &self,
        command: StockCommand,
        key: Option<ReplyKey>,
    ) -> Result<Answered<Hold>, HouseHoldError> {
        let order = self.keyed_order(command, key.clone());
        match only(self.stock.execute(vec![order]).await?)? {
            Ok(StockOutcome::Hold(hold)) => Ok(Answered::Fresh(hold)),
            Ok(StockOutcome::Tombstone) => Err(StockRefusal::HoldNotFound.into()),
            Err(StockRefusal::KeyTaken) => {
                let first = self.replay(key.as_ref()).await??;
                first.map(Answered::Replayed).ok_or_else(|| StockRefusal::KeyTaken.into())
            }
            Err(refusal) => Err(refusal.into()),
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
