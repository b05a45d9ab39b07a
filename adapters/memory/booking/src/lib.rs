//! The booking context's store in memory: for tests, proved by the contract suite.

mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use booking::{BookingEvent, Stored};
use kernel::{BookingId, Clock, EventId, KeyedReply, OperatorEntry, Recorded};

/// Keeps bookings as long as it lives.
pub struct MemoryBookingStore {
    clock: Arc<dyn Clock>,
    tables: Mutex<Tables>,
}

#[derive(Default)]
struct Tables {
    bookings: BTreeMap<BookingId, Stored>,
    events: Vec<Recorded<BookingEvent>>,
    handled: BTreeSet<(&'static str, EventId)>,
    replies: BTreeMap<(String, String), KeyedReply>,
    commits: usize,
    operator_log: Vec<OperatorEntry>,
}

impl MemoryBookingStore {
    /// An empty store; the clock stands for the database's own.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, tables: Mutex::default() }
    }

    /// All that was told so far, in the order of commits.
    #[must_use]
    pub fn events(&self) -> Vec<Recorded<BookingEvent>> {
        self.tables().events.clone()
    }

    /// What was told after the first so many events.
    #[must_use]
    pub fn events_since(&self, seen: usize) -> Vec<Recorded<BookingEvent>> {
        self.tables().events.iter().skip(seen).cloned().collect()
    }

    /// Every booking there is.
    #[must_use]
    pub fn all(&self) -> Vec<Stored> {
        self.tables().bookings.values().cloned().collect()
    }

    /// How many commits were done.
    #[must_use]
    pub fn commits(&self) -> usize {
        self.tables().commits
    }

    /// What operators changed by hand so far, in order.
    #[must_use]
    pub fn operator_log(&self) -> Vec<OperatorEntry> {
        self.tables().operator_log.clone()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
