//! All that is kept of one slot, and what it costs.

use kernel::Money;

use crate::{Slot, Stock, Ticket};

/// The counters of a slot and what its organizer says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SlotRecord {
    /// Its counters.
    pub stock: Stock,
    /// The rest.
    pub terms: SlotTerms,
}

/// What an organizer says about one slot besides its capacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SlotTerms {
    /// A seat's place in the order in which they were registered, from 0; 0 for whatever is no seat.
    pub position: u32,
    /// A night's own price, in minor units of the ticket's currency; the ticket's price if `None`.
    pub unit_price_minor: Option<i64>,
    /// Whether nobody arrives on this night.
    pub closed_to_arrival: bool,
    /// Whether nobody departs on this date.
    pub closed_to_departure: bool,
}

impl From<Stock> for SlotRecord {
    fn from(stock: Stock) -> Self {
        Self { stock, terms: SlotTerms::default() }
    }
}

impl Ticket {
    /// What one unit of a slot costs: a seat what its section costs, a night what the organizer said of it, and
    /// whatever has no price of its own what the ticket costs.
    #[must_use]
    pub fn unit_price_of(&self, slot: &Slot, terms: SlotTerms) -> Money {
        let usual = self.terms.unit_price;
        match slot {
            Slot::Admission => usual,
            Slot::Seat(name) => {
                let section = crate::seats::section_of(name);
                let own = self.terms.sections.iter().find(|own| own.name == section);
                own.map_or(usual, |own| own.unit_price)
            }
            Slot::Night(_) => {
                let own = terms.unit_price_minor;
                own.map_or(usual, |minor| Money::from_minor(minor, usual.currency()))
            }
        }
    }
}
