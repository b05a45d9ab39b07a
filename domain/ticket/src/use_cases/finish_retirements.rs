//! The sweep that ends deleted tickets of which nothing is held or sold: the last step of `retirement.rs`.

use kernel::{Committed, HoldId, ReplyChange, StoreError, TicketId};

use super::Ticketing;
use crate::ticket::Decision;
use crate::{HoldStep, StockCommand, TicketChange, TicketEvent};

/// What the house keeps can always be given up, unless the counters deny that anything is kept.
fn stuck(hold_id: HoldId) -> StoreError {
    StoreError::CorruptRow { table: "hold", id: hold_id.to_string(), column: "its lines' counters" }
}

impl Ticketing {
    /// Gives up what is set aside for the house of deleted tickets, then ends at most `limit` retirements and tells how
    /// many. A ticket that somebody else ends at the same moment is ended once, and one that cannot be ended does not
    /// keep the others.
    ///
    /// # Errors
    /// The last [`StoreError`], after all have had their turn.
    pub async fn finish_retirements(&self, limit: u32) -> Result<usize, StoreError> {
        let mut finished = 0;
        let mut failure = None;
        for hold_id in self.stock.forsaken_house_holds(limit).await? {
            let order = self.order(StockCommand::Step(hold_id, HoldStep::ReleaseHouse), None);
            match self.stock.execute(vec![order]).await.as_deref() {
                Ok([Ok(_)]) => {}
                Ok(_) => failure = Some(stuck(hold_id)),
                Err(error) => failure = Some(error.clone()),
            }
        }
        for ticket_id in self.store.find_retirable(limit).await? {
            match self.finish_retirement(ticket_id).await {
                Ok(ended) => finished += usize::from(ended),
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(finished), Err)
    }

    async fn finish_retirement(&self, ticket_id: TicketId) -> Result<bool, StoreError> {
        let Some(mut listing) = self.store.find(ticket_id).await? else { return Ok(false) };
        let (now, expected_revision) = (self.clock.now(), listing.ticket.revision);
        if listing.ticket.end_retirement(now) == Decision::AlreadyDone {
            return Ok(false);
        }
        let event = TicketEvent::TicketRetired { listing: Box::new(listing.clone()) };
        let change = TicketChange {
            events: vec![self.record(&listing, event, now)],
            ticket: listing.ticket,
            expected_revision,
            capacities: Vec::new(),
            nights: None,
            caused_by: None,
            reply: ReplyChange::None,
        };
        match self.store.commit(change).await? {
            Committed::Done => Ok(true),
            Committed::Stale | Committed::AlreadyHandled | Committed::KeyTaken => Ok(false),
        }
    }
}
