//! A booking was cancelled: its stock comes back.

use kernel::{Cause, HoldId};

use super::Ticketing;
use super::execute_stock::{ExecuteStockError, only};
use crate::{HoldStep, StockCommand, StockOutcome};

impl Ticketing {
    /// Takes a cancelled booking's stock back and says so once. The hold's state is the memory of it,
    /// so the same message again changes nothing, however late it comes.
    ///
    /// # Errors
    /// [`ExecuteStockError`]
    pub async fn return_stock(
        &self,
        hold_id: HoldId,
        cause: &Cause,
    ) -> Result<StockOutcome, ExecuteStockError> {
        let command = StockCommand::Step(hold_id, HoldStep::Return);
        let order = self.order(command, Some(cause.event_id.to_string()));
        Ok(only(self.stock.execute(vec![order]).await?)??)
    }
}
