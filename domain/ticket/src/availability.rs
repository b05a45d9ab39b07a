//! What is left of a ticket, slot by slot.

use std::collections::BTreeMap;

use kernel::{CivilDate, Money, TicketId, Timestamp};

use crate::{NIGHTS_SHOWN, Nights, Slot, SlotRecord, SlotTerms, Stock, Ticket, TicketKind};

/// The slots of a ticket as a store reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketSlots {
    /// The ticket.
    pub ticket: Ticket,
    /// Its slots.
    pub slots: Vec<(Slot, SlotRecord)>,
    /// When they were read, by the clock that holds are decided by: it says which nights are over.
    pub read_at: Timestamp,
}

/// What is left of a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Availability {
    /// The ticket.
    pub ticket_id: TicketId,
    /// All its slots together; of nights that one of which the least is left, since whoever stays needs them all.
    pub total: Stock,
    /// Units that can be booked now, of all its slots together or for all of its nights.
    pub available: u64,
    /// Each slot: seats in the order registered, nights by date.
    pub slots: Vec<SlotAvailability>,
    /// When this was read.
    pub read_at: Timestamp,
}

/// What is left of one slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotAvailability {
    /// The slot.
    pub slot: Slot,
    /// Its counters.
    pub stock: Stock,
    /// Units that can be booked now: none of a night that is over, whatever its counters say.
    pub available: u64,
    /// What one unit of it costs.
    pub unit_price: Money,
    /// What else its organizer says about it.
    pub terms: SlotTerms,
}

impl Availability {
    /// What is left of the slots that were read. A night that was asked for and is not there has nothing left.
    #[must_use]
    pub fn of(read: TicketSlots, asked: Option<Nights>) -> Self {
        let today = read.today();
        let TicketSlots { ticket, mut slots, read_at } = read;
        if let Some(nights) = asked {
            let there: BTreeMap<_, _> = slots.into_iter().collect();
            let night = |date| {
                let slot = Slot::Night(date);
                let record = there.get(&slot).copied().unwrap_or_default();
                (slot, record)
            };
            slots = nights.dates().map(night).collect();
        }
        slots.sort_by(|(a, one), (b, other)| {
            (one.terms.position, a).cmp(&(other.terms.position, b))
        });
        let left = |(slot, record): (Slot, SlotRecord)| SlotAvailability {
            unit_price: ticket.unit_price_of(&slot, record.terms),
            available: if slot.is_over(today) { 0 } else { record.stock.available() },
            slot,
            stock: record.stock,
            terms: record.terms,
        };
        let slots: Vec<_> = slots.into_iter().map(left).collect();
        let (total, available) = match ticket.kind {
            TicketKind::Admission | TicketKind::Seated => {
                let total = Stock::sum(slots.iter().map(|left| left.stock));
                (total, total.available())
            }
            TicketKind::Nightly => {
                let scarcest = slots.iter().min_by_key(|left| left.available);
                scarcest.map(|left| (left.stock, left.available)).unwrap_or_default()
            }
        };
        Self { ticket_id: ticket.id, total, available, slots, read_at }
    }
}

impl TicketSlots {
    /// What a ticket shows of itself: all its slots together. Of nights it is as if there were one that has as many
    /// units as the largest and as many left as the emptiest; those that are over do not count.
    #[must_use]
    pub fn stock(&self) -> Stock {
        let today = self.today();
        let still = self.slots.iter().filter(|(slot, _)| !slot.is_over(today));
        let stocks = still.map(|(_, record)| record.stock);
        match self.ticket.kind {
            TicketKind::Admission | TicketKind::Seated => Stock::sum(stocks),
            TicketKind::Nightly => Stock::of_nights(stocks),
        }
    }

    /// The date at the place.
    fn today(&self) -> CivilDate {
        self.ticket.terms.time_zone.date_of(self.read_at)
    }

    /// Leaves out nights that are over, and those too far ahead to be shown unasked.
    pub(crate) fn keep_shown(&mut self) {
        let today = self.today();
        self.slots.retain(|(slot, _)| match slot {
            Slot::Night(night) => {
                u32::try_from(today.days_until(*night)).is_ok_and(|ahead| ahead < NIGHTS_SHOWN)
            }
            Slot::Admission | Slot::Seat(_) => true,
        });
    }
}
