//! The ledger of stock: append-only, and the counters of a slot are its fold (I2).

use std::collections::BTreeMap;

use kernel::{HoldId, TicketId, Timestamp};

use crate::{Slot, SlotKey};

/// What moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// Free units were set aside.
    Hold,
    /// Units of an expired hold were set aside again.
    Retake,
    /// Held units were sold.
    Commit,
    /// Held units were given up.
    Release,
    /// Held units fell free by time.
    Expire,
    /// Sold units came back.
    Return,
}

/// One line of the ledger. The store numbers them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockEntry {
    /// The ticket.
    pub ticket_id: TicketId,
    /// The slot.
    pub slot: Slot,
    /// The hold that the movement belongs to.
    pub hold_id: HoldId,
    /// What moved.
    pub kind: EntryKind,
    /// Change of the units held.
    pub d_held: i64,
    /// Change of the units sold.
    pub d_sold: i64,
    /// When.
    pub at: Timestamp,
}

/// What a ledger adds up to for one slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SlotCounts {
    /// Units held.
    pub held: i64,
    /// Units sold.
    pub sold: i64,
}

/// Adds a ledger up, by slot.
#[must_use]
pub fn fold<'a>(
    entries: impl IntoIterator<Item = &'a StockEntry>,
) -> BTreeMap<SlotKey, SlotCounts> {
    let mut counts = BTreeMap::<_, SlotCounts>::new();
    for entry in entries {
        let slot = counts.entry((entry.ticket_id, entry.slot.clone())).or_default();
        slot.held += entry.d_held;
        slot.sold += entry.d_sold;
    }
    counts
}

impl EntryKind {
    /// How one unit of the movement changes what is held and what is sold.
    #[must_use]
    pub const fn per_unit(self) -> (i64, i64) {
        match self {
            Self::Hold | Self::Retake => (1, 0),
            Self::Commit => (-1, 1),
            Self::Release | Self::Expire => (-1, 0),
            Self::Return => (0, -1),
        }
    }
}
