//! An organizer sets stock of an own ticket aside, for nobody's booking.

use kernel::{Answered, Caller, HoldId, ReplyKey, TicketId};

use super::Ticketing;
use super::house_hold::HouseHoldError;
use crate::{Hold, HoldOwner, HoldRequest, StockCommand, Wanted};

/// Asks to set stock aside for the house.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateHouseHold {
    /// The ticket.
    pub ticket_id: TicketId,
    /// What for; at most [`crate::HOUSE_NOTE_CHARS_MAX`] characters.
    pub note: String,
    /// What, all or nothing.
    pub wanted: Wanted,
}

impl Ticketing {
    /// Sets stock aside until it is released. It is taken like any other, so that nothing is ever oversold (trap R46),
    /// but also while the ticket is not on sale, and whatever its limit per buyer and its rules for stays.
    ///
    /// # Errors
    /// [`HouseHoldError`]
    pub async fn create_house_hold(
        &self,
        caller: &Caller,
        request: CreateHouseHold,
        key: Option<ReplyKey>,
    ) -> Result<Answered<Hold>, HouseHoldError> {
        let organizer = caller.organizer()?;
        if let Some(body) = self.replay(key.as_ref()).await?? {
            return Ok(Answered::Replayed(body));
        }
        self.check_own(&organizer, request.ticket_id).await?;
        let owner = HoldOwner::House { note: request.note, created_at: self.clock.now() };
        let command = StockCommand::Hold(HoldRequest {
            hold_id: HoldId::new(self.ids.next()),
            ticket_id: request.ticket_id,
            owner,
            wanted: request.wanted,
            expected_total: None,
            pinned: false,
            // With a key, its first call may be under way: then this one is to hear of it, and not that all is gone.
            surely_new: key.is_none(),
            check_only: false,
        });
        self.order_for_the_house(command, key).await
    }
}
