//! Folds one event into the row of its booking, once however often it comes (traps R29, R30).

use kernel::{Cause, Committed, Fault, FaultClass, StoreError};

use super::MyPage;
use crate::Fact;

/// Why a fact was not folded in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldFactError {
    /// The store could not do its work.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store gave a verdict that its port does not allow.
    #[error("the store answered {0:?} to a fact")]
    Verdict(Committed),
}

impl MyPage {
    /// Folds the fact into its row.
    ///
    /// # Errors
    /// [`FoldFactError`]; nothing changed then and the same fact may come again.
    pub async fn fold_fact(&self, fact: &Fact, caused_by: Cause) -> Result<(), FoldFactError> {
        match self.store.fold(fact, caused_by).await? {
            Committed::Done | Committed::AlreadyHandled => Ok(()),
            verdict @ (Committed::Stale | Committed::KeyTaken) => {
                Err(FoldFactError::Verdict(verdict))
            }
        }
    }
}

impl Fault for FoldFactError {
    fn class(&self) -> FaultClass {
        match self {
            Self::Store(error) => error.class(),
            Self::Verdict(_) => FaultClass::Bug,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Store(error) => error.reason(),
            Self::Verdict(_) => "INTERNAL",
        }
    }
}
