//! An organizer sets stock of an own ticket aside, for nobody's booking.

use kernel::{Caller, HoldId, KeyRefused, TicketId};

use super::Ticketing;
use super::execute_stock::only;
use super::house_hold::HouseHoldError;
use crate::{Hold, HoldOwner, HoldRequest, StockCommand, StockOutcome, StockRefusal, Wanted};

/// Asks to set stock aside for the house.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateHouseHold {
    /// The ticket.
    pub ticket_id: TicketId,
    /// What for; at most [`crate::HOUSE_NOTE_CHARS_MAX`] characters.
    pub note: String,
    /// What, all or nothing.
    pub wanted: Wanted,
    /// The hold that belongs to the caller's idempotency key: the same for the same key.
    pub keyed: Option<HoldId>,
}

impl Ticketing {
    /// Sets stock aside until it is released. It is taken like any other, so that nothing is ever oversold (trap R46),
    /// but also while the ticket is not on sale, and whatever its limit per buyer and its rules for stays. Repeated
    /// with its key it gets the first hold, since that is known by the key: no answer need be kept.
    ///
    /// # Errors
    /// [`HouseHoldError`]
    pub async fn create_house_hold(
        &self,
        caller: &Caller,
        request: CreateHouseHold,
    ) -> Result<Hold, HouseHoldError> {
        self.check_own(caller, request.ticket_id).await?;
        let owner = HoldOwner::House { note: request.note, created_at: self.clock.now() };
        let command = StockCommand::Hold(HoldRequest {
            hold_id: request.keyed.unwrap_or_else(|| HoldId::new(self.ids.next())),
            ticket_id: request.ticket_id,
            owner,
            wanted: request.wanted,
            expected_total: None,
            pinned: false,
            surely_new: request.keyed.is_none(),
            check_only: false,
        });
        match only(self.stock.execute(vec![self.order(command, None)]).await?)? {
            Ok(StockOutcome::Hold(hold)) => Ok(hold),
            Ok(StockOutcome::Tombstone) => Err(StockRefusal::HoldClosed.into()),
            Err(StockRefusal::HoldClosed) if request.keyed.is_some() => {
                Err(KeyRefused::Reused.into())
            }
            Err(refusal) => Err(refusal.into()),
        }
    }
}
