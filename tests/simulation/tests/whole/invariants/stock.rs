//! I1, I2, I10 and I11: what is held and sold of tickets.

use std::collections::BTreeMap;

use booking::BookingStatus;
use kernel::HoldId;
use ticket::{HoldOwner, HoldState, NEVER, Slot, SlotCounts, SlotKey, TicketStatus};

use super::{Seen, Verdict, must};

/// The fold of the ledger so far, by slot and by hold.
#[derive(Default)]
pub(super) struct Ledger {
    entries: usize,
    slots: BTreeMap<SlotKey, SlotCounts>,
    holds: BTreeMap<(HoldId, Slot), SlotCounts>,
}

impl Ledger {
    /// I1, and I2: three accounts of the same units.
    pub(super) fn check(&mut self, seen: &Seen<'_>) -> Verdict {
        for entry in seen.world.tickets.entries_since(self.entries) {
            self.entries += 1;
            let slot = (entry.ticket_id, entry.slot.clone());
            let hold = (entry.hold_id, entry.slot);
            let slot = self.slots.entry(slot).or_default();
            let hold = self.holds.entry(hold).or_default();
            for counts in [slot, hold] {
                counts.held += entry.d_held;
                counts.sold += entry.d_sold;
            }
        }
        let mut lines: BTreeMap<SlotKey, SlotCounts> = BTreeMap::new();
        for hold in seen.taken() {
            for (slot, quantity) in &hold.lines {
                let units = i64::from(quantity.get());
                let counts = match hold.state {
                    HoldState::Active { .. } => SlotCounts { held: units, sold: 0 },
                    HoldState::Committed => SlotCounts { held: 0, sold: units },
                    HoldState::Returned | HoldState::Released { .. } | HoldState::Expired => {
                        SlotCounts::default()
                    }
                };
                let all = lines.entry((hold.ticket_id, slot.clone())).or_default();
                all.held += counts.held;
                all.sold += counts.sold;
                let ledger = self.holds.get(&(hold.id, slot.clone())).copied().unwrap_or_default();
                must!(ledger == counts, "I2: {hold:?}, but its ledger says {ledger:?} of {slot}");
            }
        }
        for (key, stock) in seen.world.tickets.stocks() {
            let (capacity, held, sold) = (stock.capacity(), stock.held(), stock.sold());
            must!(held + sold <= capacity, "I1: {key:?}: {stock:?}");
            let signed = |units| i64::try_from(units).unwrap();
            let counts = SlotCounts { held: signed(held), sold: signed(sold) };
            let ledger = self.slots.get(&key).copied().unwrap_or_default();
            must!(ledger == counts, "I2: {key:?}: {stock:?}, but its ledger says {ledger:?}");
            let holds = lines.remove(&key).unwrap_or_default();
            must!(holds == counts, "I2: {key:?}: {stock:?}, but its holds say {holds:?}");
        }
        let lost = lines.iter().find(|(_, counts)| **counts != SlotCounts::default());
        must!(lost.is_none(), "I2: holds of what has no counters: {lost:?}");
        Ok(())
    }
}

/// I10 and I11.
pub(super) fn limits(seen: &Seen<'_>) -> Verdict {
    let mut owned = BTreeMap::new();
    for hold in seen.taken() {
        let ticket = seen.tickets.get(&hold.ticket_id);
        let Some(ticket) = ticket else { return Err(format!("of no ticket: {hold:?}")) };
        let is_over = ticket.status == TicketStatus::Retired;
        must!(!(is_over && hold.state.keeps_stock()), "I10: of a RETIRED ticket: {hold:?}");
        match &hold.owner {
            HoldOwner::Buyer(buyer) if hold.state.keeps_stock() => {
                let units = owned.entry((ticket.id, buyer)).or_insert(0);
                *units += hold.quantity.get();
                let max = ticket.terms.max_per_buyer.map_or(u32::MAX, |max| max.get());
                must!(*units <= max, "I11: {buyer} has {units} of {max}: {hold:?}");
            }
            HoldOwner::Buyer(_) => {}
            HoldOwner::House { .. } => {
                let is_right = match hold.state {
                    HoldState::Active { pinned_since } => pinned_since.is_none(),
                    HoldState::Released { told } => !told,
                    HoldState::Committed | HoldState::Returned | HoldState::Expired => false,
                };
                must!(is_right && hold.expires_at == NEVER, "I11: the house has {hold:?}");
            }
        }
    }
    for stored in seen.bookings.values() {
        let booking = &stored.booking;
        let ticket = seen.tickets.get(&booking.ticket.id);
        let is_over = ticket.is_none_or(|ticket| ticket.status == TicketStatus::Retired);
        let is_confirmed = booking.status() == BookingStatus::Confirmed;
        must!(!(is_over && is_confirmed), "I10: of a RETIRED ticket: {}", seen.all_of(booking));
    }
    Ok(())
}

/// Nothing of a buyer's is set aside any more: it is sold or free. A deleted ticket is over, and has no open booking.
pub(super) fn at_rest(seen: &Seen<'_>) -> Verdict {
    for hold in seen.taken() {
        let is_active = matches!(hold.state, HoldState::Active { .. });
        let is_buyers = hold.owner.buyer_id().is_some();
        must!(!(is_active && is_buyers), "I5: still set aside at rest: {hold:?}");
    }
    for ticket in seen.tickets.values() {
        must!(ticket.status != TicketStatus::Retiring, "I5: still being deleted: {ticket:?}");
        let open = seen.bookings.values().map(|stored| &stored.booking);
        let open = open.filter(|booking| booking.ticket.id == ticket.id && booking.is_open());
        let open = if ticket.is_deleted() { open.count() } else { 0 };
        must!(open == 0, "I10: {open} open bookings of {ticket:?}");
    }
    Ok(())
}
