//! An organizer sets how many units there are.

use kernel::{Answered, Caller, Invalid, ReplyKey, TicketId};

use super::Ticketing;
use super::ticket_change::{ChangeTicketError, Changed, Target};
use crate::ticket::checked_capacity;
use crate::{Listing, Slot, SlotCapacity, TicketEvent};

/// Asks to set the capacity of a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetCapacity {
    /// The ticket.
    pub ticket_id: TicketId,
    /// Units there shall be.
    pub capacity: i64,
}

impl Ticketing {
    /// Sets the capacity, never below what is held and sold. Only its organizer may. The store looks
    /// at the counters again inside the commit: a hold that came between makes the commit stale, and
    /// this is decided anew.
    ///
    /// # Errors
    /// [`ChangeTicketError`]
    pub async fn set_capacity(
        &self,
        caller: &Caller,
        request: SetCapacity,
        key: Option<ReplyKey>,
    ) -> Result<Answered<Listing>, ChangeTicketError> {
        let target = Target { ticket_id: request.ticket_id, etag: "" };
        self.change_ticket(caller, target, key, |listing, now| {
            if listing.ticket.is_deleted() {
                return Err(ChangeTicketError::Retiring);
            }
            let capacity = checked_capacity(request.capacity).map_err(|v| Invalid(vec![v]))?;
            let stock = listing.stock.with_capacity(capacity)?;
            Ok(Changed {
                decision: listing.with_stock(stock, now),
                capacities: vec![SlotCapacity { slot: Slot::Admission, capacity }],
                event: |listing| TicketEvent::TicketChanged { listing },
            })
        })
        .await
    }
}
