//! An organizer gives up what was set aside for the house.

use kernel::{Answered, Caller, HoldId, ReplyKey, TicketId};

use super::Ticketing;
use super::house_hold::HouseHoldError;
use crate::{Hold, HoldOwner, HoldRecord, HoldStep, StockCommand, StockRefusal};

impl Ticketing {
    /// Gives the stock back, once; a second call gives the same answer. A buyer's hold is not found.
    ///
    /// # Errors
    /// [`HouseHoldError`]
    pub async fn release_house_hold(
        &self,
        caller: &Caller,
        (ticket_id, hold_id): (TicketId, HoldId),
        key: Option<ReplyKey>,
    ) -> Result<Answered<Hold>, HouseHoldError> {
        let organizer = caller.organizer()?;
        if let Some(body) = self.replay(key.as_ref()).await?? {
            return Ok(Answered::Replayed(body));
        }
        self.check_own(&organizer, ticket_id).await?;
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
        self.order_for_the_house(release, key).await
    }
}
