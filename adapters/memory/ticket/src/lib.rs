//! The ticket context's ports in memory: for tests, proved by the contract suites.

mod stock_store;
mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use in_process_watching::Changes;
use kernel::{Clock, EventId, HoldId, KeyedReply, Recorded, TicketId};
use ticket::{HoldRecord, SlotKey, SlotRecord, Stock, StockEntry, Ticket, TicketEvent};

/// Keeps tickets and stock as long as it lives.
pub struct MemoryTicketStore {
    clock: Arc<dyn Clock>,
    tables: Mutex<Tables>,
    changes: Changes,
}

#[derive(Default)]
struct Tables {
    tickets: BTreeMap<TicketId, Ticket>,
    stocks: BTreeMap<SlotKey, SlotRecord>,
    holds: BTreeMap<HoldId, HoldRecord>,
    entries: Vec<StockEntry>,
    events: Vec<Recorded<TicketEvent>>,
    handled: BTreeSet<(&'static str, EventId)>,
    replies: BTreeMap<(String, String), KeyedReply>,
}

impl MemoryTicketStore {
    /// An empty store; the clock stands for the database's own.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, tables: Mutex::default(), changes: Changes::default() }
    }

    /// Of which tickets something changed, for whoever watches what is left of them.
    #[must_use]
    pub const fn changes(&self) -> &Changes {
        &self.changes
    }

    /// All that was told so far, in the order of commits.
    #[must_use]
    pub fn events(&self) -> Vec<Recorded<TicketEvent>> {
        self.tables().events.clone()
    }

    /// What was told after the first so many events.
    #[must_use]
    pub fn events_since(&self, seen: usize) -> Vec<Recorded<TicketEvent>> {
        self.tables().events.iter().skip(seen).cloned().collect()
    }

    /// Every ticket there is.
    #[must_use]
    pub fn tickets(&self) -> Vec<Ticket> {
        self.tables().tickets.values().cloned().collect()
    }

    /// Every hold and tombstone there is.
    #[must_use]
    pub fn holds(&self) -> Vec<HoldRecord> {
        self.tables().holds.values().cloned().collect()
    }

    /// The counters of every slot of every ticket.
    #[must_use]
    pub fn stocks(&self) -> Vec<(SlotKey, Stock)> {
        let tables = self.tables();
        tables.stocks.iter().map(|(key, record)| (key.clone(), record.stock)).collect()
    }

    /// What the ledgers of all tickets say after the first so many entries.
    #[must_use]
    pub fn entries_since(&self, seen: usize) -> Vec<StockEntry> {
        self.tables().entries.iter().skip(seen).cloned().collect()
    }

    /// The whole ledger of a ticket.
    #[must_use]
    pub fn ledger(&self, ticket_id: TicketId) -> Vec<StockEntry> {
        let of_ticket = |entry: &&StockEntry| entry.ticket_id == ticket_id;
        self.tables().entries.iter().filter(of_ticket).cloned().collect()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
