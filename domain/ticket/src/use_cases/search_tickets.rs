//! Anyone searches tickets (T03).

use kernel::{Fault, FaultClass, Invalid, StoreError, Violation};

use super::Ticketing;
use crate::{SEARCH_WORDS_CHARS_MAX, TicketPage, TicketSearch};

/// Why a search was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SearchTicketsError {
    /// The request has wrong fields.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Ticketing {
    /// Finds tickets that are on sale or paused.
    ///
    /// # Errors
    /// [`SearchTicketsError`]
    pub async fn search_tickets(
        &self,
        search: &TicketSearch,
    ) -> Result<TicketPage, SearchTicketsError> {
        if search.words.len() > SEARCH_WORDS_CHARS_MAX {
            let limit = format_args!("must be at most {SEARCH_WORDS_CHARS_MAX} characters");
            return Err(Invalid(vec![Violation::new("query", limit)]).into());
        }
        Ok(self.store.search(search).await?)
    }
}

impl Fault for SearchTicketsError {
    fn class(&self) -> FaultClass {
        match self {
            Self::Invalid(inner) => inner.class(),
            Self::Store(inner) => inner.class(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Invalid(inner) => inner.reason(),
            Self::Store(inner) => inner.reason(),
        }
    }

    fn violations(&self) -> &[Violation] {
        match self {
            Self::Invalid(inner) => inner.violations(),
            Self::Store(_) => &[],
        }
    }
}
