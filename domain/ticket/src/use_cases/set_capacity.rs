//! An organizer sets how many units there are.

use std::collections::BTreeMap;

use kernel::{Answered, Caller, Invalid, ReplyKey, TicketId, Timestamp, Violation};

use super::Ticketing;
use super::ticket_change::{ChangeTicketError, Changed, Slots, Target};
use crate::registration::{checked_capacity, wrong_dates};
use crate::ticket::Decision;
use crate::{
    Listing, Nights, Slot, SlotCapacity, SlotRecord, TicketEvent, TicketKind, TicketSlots,
};

/// Asks to set the capacity of a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetCapacity {
    /// The ticket.
    pub ticket_id: TicketId,
    /// Units there shall be; for kind NIGHTLY on each of the nights.
    pub capacity: i64,
    /// The nights it is for, and only for kind NIGHTLY.
    pub nights: Option<Nights>,
}

impl Ticketing {
    /// Sets the capacity, never below what is held and sold; nights that there are not yet begin. Only its organizer
    /// may. The store looks at the counters again inside the commit: a hold that came between makes the commit
    /// stale, and this is decided anew.
    ///
    /// # Errors
    /// [`ChangeTicketError`]
    pub async fn set_capacity(
        &self,
        caller: &Caller,
        request: SetCapacity,
        key: Option<ReplyKey>,
    ) -> Result<Answered<Listing>, ChangeTicketError> {
        let with_slots = request.nights.is_some();
        let target = Target { ticket_id: request.ticket_id, etag: "", with_slots };
        self.change_ticket(caller, target, key, |listing, slots, now| {
            if listing.ticket.is_deleted() {
                return Err(ChangeTicketError::Retiring);
            }
            let capacity = request.checked(listing.ticket.kind)?;
            let (decision, capacities) = match request.nights {
                Some(nights) => of_nights(listing, slots, (nights, capacity), now)?,
                None => {
                    let stock = listing.stock.with_capacity(capacity)?;
                    let places = SlotCapacity { slot: Slot::Admission, capacity, position: 0 };
                    (listing.with_stock(stock, now), vec![places])
                }
            };
            let event = |listing| TicketEvent::TicketChanged { listing };
            Ok(Changed { decision, capacities, nights: None, event })
        })
        .await
    }
}

impl SetCapacity {
    /// The capacity, if the ticket's kind has one like this.
    fn checked(&self, kind: TicketKind) -> Result<u64, Invalid> {
        let (dates, wrong) = match (kind, self.nights) {
            (TicketKind::Seated, _) => {
                let wrong = "of kind SEATED is the number of its seats, which does not change";
                return Err(Invalid(vec![Violation::new("capacity", wrong)]));
            }
            (TicketKind::Admission, Some(_)) => (true, "is only for kind NIGHTLY"),
            (TicketKind::Nightly, None) => (true, "must be given for kind NIGHTLY"),
            (TicketKind::Admission, None) | (TicketKind::Nightly, Some(_)) => (false, ""),
        };
        let dates = ["start_date", "end_date"].into_iter().filter(|_| dates);
        let mut found: Vec<_> = dates.map(|field| Violation::new(field, wrong)).collect();
        let capacity = checked_capacity(self.capacity).map_err(|wrong| found.push(wrong));
        capacity.ok().filter(|_| found.is_empty()).ok_or(Invalid(found))
    }
}

/// Sets the capacity of nights; those that have it already stay as they are.
fn of_nights(
    listing: &mut Listing,
    slots: Slots,
    (nights, capacity): (Nights, u64),
    now: Timestamp,
) -> Result<(Decision, Vec<SlotCapacity>), ChangeTicketError> {
    let today = listing.ticket.terms.time_zone.date_of(now);
    let wrong = wrong_dates([("start_date", nights.from()), ("end_date", nights.last())], today);
    let wrong: Vec<_> = wrong.collect();
    if !wrong.is_empty() {
        return Err(Invalid(wrong).into());
    }
    let mut slots: BTreeMap<_, _> = slots.into_iter().collect();
    let mut capacities = Vec::new();
    for slot in nights.dates().map(Slot::Night) {
        let before = slots.get(&slot).copied();
        let SlotRecord { stock, terms } = before.unwrap_or_default();
        let after = SlotRecord { stock: stock.with_capacity(capacity)?, terms };
        if before != Some(after) {
            slots.insert(slot.clone(), after);
            capacities.push(SlotCapacity { slot, capacity, position: 0 });
        }
    }
    if capacities.is_empty() {
        return Ok((Decision::AlreadyDone, capacities));
    }
    listing.ticket.touch(now);
    let (ticket, slots) = (listing.ticket.clone(), slots.into_iter().collect());
    listing.stock = TicketSlots { ticket, slots, read_at: now }.stock();
    Ok((Decision::Happened, capacities))
}
