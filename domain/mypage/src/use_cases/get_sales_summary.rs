//! Adds up the calling organizer's sales (row T07).

use kernel::{AccessDenied, Caller, Fault, FaultClass, StoreError, TicketId};

use super::MyPage;
use crate::{SalesSummary, TotalsOverflow};

/// Why there are no figures.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GetSalesSummaryError {
    /// The caller is not an organizer.
    #[error(transparent)]
    Access(#[from] AccessDenied),
    /// The sums do not fit.
    #[error(transparent)]
    Overflow(#[from] TotalsOverflow),
    /// The store could not do its work.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl MyPage {
    /// The calling organizer's figures, of one ticket or of all.
    ///
    /// # Errors
    /// [`GetSalesSummaryError`].
    pub async fn get_sales_summary(
        &self,
        caller: &Caller,
        ticket_id: Option<TicketId>,
    ) -> Result<SalesSummary, GetSalesSummaryError> {
        let organizer = caller.organizer()?;
        let tallies = self.store.tallies(&organizer, ticket_id).await?;
        Ok(SalesSummary::sum(tallies)?)
    }
}

impl Fault for GetSalesSummaryError {
    fn class(&self) -> FaultClass {
        match self {
            Self::Access(error) => error.class(),
            Self::Overflow(_) => FaultClass::Bug,
            Self::Store(error) => error.class(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Access(error) => error.reason(),
            Self::Overflow(_) => "INTERNAL",
            Self::Store(error) => error.reason(),
        }
    }
}
