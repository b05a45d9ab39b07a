//! An organizer sets what some nights cost, and on which nobody arrives or departs.

use std::collections::BTreeMap;

use kernel::{Answered, Caller, Invalid, ReplyKey, TicketId, Timestamp, Violation};

use super::Ticketing;
use super::ticket_change::{ChangeTicketError, Changed, Target};
use crate::draft::{PRICE, is_price};
use crate::registration::wrong_dates;
use crate::ticket::Decision;
use crate::{
    Listing, NightChange, NightPrice, Slot, SlotCapacity, SlotRecord, Ticket, TicketEvent,
    TicketKind,
};

/// Asks to change nights of a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetNights {
    /// The ticket.
    pub ticket_id: TicketId,
    /// Which nights, and what of them.
    pub change: NightChange,
}

impl Ticketing {
    /// Sets what nights cost and whether one arrives or departs on them. Those that there are not yet begin with no
    /// room. Only its organizer may. Holds keep the price they were taken at.
    ///
    /// # Errors
    /// [`ChangeTicketError`]
    pub async fn set_nights(
        &self,
        caller: &Caller,
        request: SetNights,
        key: Option<ReplyKey>,
    ) -> Result<Answered<Listing>, ChangeTicketError> {
        let target = Target { ticket_id: request.ticket_id, etag: "", with_slots: true };
        self.change_ticket(caller, target, key, |listing, slots, now| {
            if listing.ticket.is_deleted() {
                return Err(ChangeTicketError::Retiring);
            }
            let change = &request.change;
            change.check(&listing.ticket, now)?;
            let there: BTreeMap<Slot, SlotRecord> = slots.into_iter().collect();
            let wanted = || change.nights.dates().map(Slot::Night);
            let begun = wanted().filter(|slot| !there.contains_key(slot));
            let begun = begun.map(|slot| SlotCapacity { slot, capacity: 0, position: 0 });
            let capacities: Vec<_> = begun.collect();
            let mut known = wanted().filter_map(|slot| there.get(&slot));
            let is_new = known.any(|night| change.applied_to(night.terms) != night.terms);
            let decision = if is_new || !capacities.is_empty() {
                listing.ticket.touch(now);
                Decision::Happened
            } else {
                Decision::AlreadyDone
            };
            let event = |listing| TicketEvent::TicketChanged { listing };
            Ok(Changed { decision, capacities, nights: Some(change.clone()), event })
        })
        .await
    }
}

impl NightChange {
    fn check(&self, ticket: &Ticket, now: Timestamp) -> Result<(), Invalid> {
        if ticket.kind != TicketKind::Nightly {
            let wrong = |field| Violation::new(field, "is only for kind NIGHTLY");
            return Err(Invalid(["start_date", "end_date"].map(wrong).to_vec()));
        }
        let today = ticket.terms.time_zone.date_of(now);
        let dates = [("start_date", self.nights.from()), ("end_date", self.nights.last())];
        let mut found: Vec<_> = wrong_dates(dates, today).collect();
        match self.unit_price {
            Some(NightPrice::Own(price)) => {
                if !is_price(price) {
                    found.push(Violation::new("unit_price", PRICE));
                }
                if price.currency() != ticket.terms.unit_price.currency() {
                    let wrong = "must be the currency of the ticket";
                    found.push(Violation::new("unit_price.currency_code", wrong));
                }
            }
            Some(NightPrice::TheTickets) | None => {}
        }
        if found.is_empty() { Ok(()) } else { Err(Invalid(found)) }
    }
}
