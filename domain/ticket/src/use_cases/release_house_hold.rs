//! An organizer gives up what was set aside for the house.

use kernel::{Caller, HoldId, TicketId};

use super::Ticketing;
use super::execute_stock::only;
use super::house_hold::HouseHoldError;
use crate::{Hold, HoldOwner, HoldRecord, HoldStep, StockCommand, StockOutcome, StockRefusal};

impl Ticketing {
    /// Gives the stock back, once; a second call gives the same answer. A buyer's hold is not found.
    ///
    /// # Errors
    /// [`HouseHoldError`]
    pub async fn release_house_hold(
        &self,
        caller: &Caller,
        (ticket_id, hold_id): (TicketId, HoldId),
    ) -> Result<Hold, HouseHoldError> {
        self.check_own(caller, ticket_id).await?;
        let is_houses = match self.stock.find_hold(hold_id).await? {
            Some(HoldRecord::Hold(hold)) => {
                hold.ticket_id == ticket_id && matches!(hold.owner, HoldOwner::House { .. })
            }
            Some(HoldRecord::Tombstone(_)) | None => false,
        };
        if !is_houses {
            return Err(StockRefusal::HoldNotFound.into());
        }
        let release = StockCommand::Step(hold_id, HoldStep::ReleaseHouse);
        match only(self.stock.execute(vec![self.order(release, None)]).await?)?? {
            StockOutcome::Hold(hold) => Ok(hold),
            StockOutcome::Tombstone => Err(StockRefusal::HoldNotFound.into()),
        }
    }
}
