//! Booking asks for stock and settles it.

use kernel::{AccessDenied, Caller, Fault, FaultClass, StoreError, Violation};

use super::Ticketing;
use crate::{StockCommand, StockOutcome, StockRefusal, StockVerdict};

/// Why a stock command did not go through.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExecuteStockError {
    /// The caller is none of our servers.
    #[error(transparent)]
    Access(#[from] AccessDenied),
    /// The command itself was refused.
    #[error(transparent)]
    Refused(#[from] StockRefusal),
    /// The store failed. It is unknown whether the command went through: send the same again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Ticketing {
    /// Runs one command, which is idempotent. What comes at once shares transactions below the store.
    ///
    /// # Errors
    /// [`ExecuteStockError`]
    pub async fn execute_stock(
        &self,
        caller: &Caller,
        command: StockCommand,
    ) -> Result<StockOutcome, ExecuteStockError> {
        caller.service()?;
        Ok(only(self.stock.execute(vec![self.order(command, None)]).await?)??)
    }
}

/// The one verdict of one order.
pub(super) fn only(verdicts: Vec<StockVerdict>) -> Result<StockVerdict, StoreError> {
    verdicts.into_iter().next().ok_or_else(|| StoreError::Unavailable {
        doing: "deciding a stock order",
        cause: "the store gave no verdict".to_owned(),
    })
}

impl Fault for ExecuteStockError {
    fn class(&self) -> FaultClass {
        self.inner().class()
    }

    fn reason(&self) -> &'static str {
        self.inner().reason()
    }

    fn violations(&self) -> &[Violation] {
        self.inner().violations()
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        self.inner().metadata()
    }
}

impl ExecuteStockError {
    fn inner(&self) -> &dyn Fault {
        match self {
            Self::Access(inner) => inner,
            Self::Refused(inner) => inner,
            Self::Store(inner) => inner,
        }
    }
}
