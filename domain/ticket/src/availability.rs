//! What is left of a ticket, slot by slot.

use kernel::{TicketId, Timestamp};

use crate::{Slot, Stock};

/// What is left of a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Availability {
    /// The ticket.
    pub ticket_id: TicketId,
    /// All its slots together.
    pub total: Stock,
    /// Each slot.
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
}

impl Availability {
    /// Whether two readings, at whatever times, tell the same.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        self.total == other.total && self.slots == other.slots
    }
}
