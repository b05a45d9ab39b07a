//! An organizer lists what is set aside for the house.

use kernel::{Caller, Cursor, PageSize, TicketId};

use super::Ticketing;
use super::house_hold::HouseHoldError;
use crate::Hold;

/// Which holds of the house.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListHouseHolds {
    /// Those of this ticket.
    pub ticket_id: TicketId,
    /// Rows of the page.
    pub page_size: PageSize,
    /// Where the page before ended.
    pub after: Option<Cursor>,
}

/// A page of holds of the house, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HouseHoldPage {
    /// The holds.
    pub holds: Vec<Hold>,
    /// Where the next page begins; absent after the last one.
    pub next: Option<Cursor>,
}

impl Ticketing {
    /// One page of what is set aside and not given up. Only the ticket's organizer may look.
    ///
    /// # Errors
    /// [`HouseHoldError`]
    pub async fn list_house_holds(
        &self,
        caller: &Caller,
        query: ListHouseHolds,
    ) -> Result<HouseHoldPage, HouseHoldError> {
        self.check_own(&caller.organizer()?, query.ticket_id).await?;
        let rows = query.page_size.get();
        // One row more than the page tells whether there is another page.
        let mut holds = self.stock.house_holds(query.ticket_id, query.after, rows + 1).await?;
        let more = holds.len() > rows as usize;
        holds.truncate(rows as usize);
        let next = holds.last().filter(|_| more).and_then(Hold::house_cursor);
        Ok(HouseHoldPage { holds, next })
    }
}
