//! Folds one event into the row of its booking, once however often it comes (traps R29, R30).

use kernel::{Cause, Committed, Fault, FaultClass, StoreError};

use super::MyPage;
use crate::limits::FOLD_TRIES_MAX;
use crate::{BookingView, Change, Fact};

/// Why a fact was not folded in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldFactError {
    /// The store could not do its work.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Other writers of the same row were first every time.
    #[error("the row changed under every try")]
    Contended,
    /// The store gave a verdict that its port does not allow.
    #[error("the store answered {0:?} to a row of the view")]
    Verdict(Committed),
}

impl MyPage {
    /// Folds the fact into its row.
    ///
    /// # Errors
    /// [`FoldFactError`]; nothing changed then and the same fact may come again.
    pub async fn fold_fact(&self, fact: &Fact, caused_by: Cause) -> Result<(), FoldFactError> {
        for _ in 0..FOLD_TRIES_MAX {
            let found = self.store.find(fact.booking_id()).await?;
            let mut view = found.unwrap_or_else(|| BookingView::empty(fact.booking_id()));
            let expected_revision = view.revision;
            let view = view.fold(fact).then_some(view);
            let change = Change { view, expected_revision, caused_by: caused_by.clone() };
            match self.store.commit(change).await? {
                Committed::Done | Committed::AlreadyHandled => return Ok(()),
                Committed::Stale => {}
                verdict @ Committed::KeyTaken => return Err(FoldFactError::Verdict(verdict)),
            }
        }
        Err(FoldFactError::Contended)
    }
}

impl Fault for FoldFactError {
    fn class(&self) -> FaultClass {
        match self {
            Self::Store(error) => error.class(),
            Self::Contended => FaultClass::Contended,
            Self::Verdict(_) => FaultClass::Bug,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Store(error) => error.reason(),
            Self::Contended => "CONTENDED",
            Self::Verdict(_) => "INTERNAL",
        }
    }
}
