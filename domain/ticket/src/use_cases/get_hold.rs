//! Booking reads a hold.

use kernel::{AccessDenied, Caller, Fault, FaultClass, HoldId, StoreError};

use super::Ticketing;
use crate::{Hold, HoldRecord};

/// Why a hold was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GetHoldError {
    /// The caller is none of our servers.
    #[error(transparent)]
    Access(#[from] AccessDenied),
    /// No such hold.
    #[error("there is no such hold")]
    NotFound,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Ticketing {
    /// Reads a booking's hold. What only left a tombstone is not found, nor what is the house's.
    ///
    /// # Errors
    /// [`GetHoldError`]
    pub async fn get_hold(&self, caller: &Caller, hold_id: HoldId) -> Result<Hold, GetHoldError> {
        caller.service()?;
        match self.stock.find_hold(hold_id).await? {
            Some(HoldRecord::Hold(hold)) if hold.owner.buyer_id().is_some() => Ok(hold),
            Some(HoldRecord::Hold(_) | HoldRecord::Tombstone(_)) | None => {
                Err(GetHoldError::NotFound)
            }
        }
    }
}

impl Fault for GetHoldError {
    fn class(&self) -> FaultClass {
        match self {
            Self::Access(inner) => inner.class(),
            Self::NotFound => FaultClass::NotFound,
            Self::Store(inner) => inner.class(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Access(inner) => inner.reason(),
            Self::NotFound => "HOLD_NOT_FOUND",
            Self::Store(inner) => inner.reason(),
        }
    }
}
