//! Settlements in memory, for tests of the domain. Proved by the contract suite of the port.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use kernel::{
    BookingId, Clock, Committed, Cursor, Envelope, EventId, OperatorEntry, PaymentId, Recorded,
    StoreError, Timestamp,
};
use payment::{Change, Payment, PaymentEvent, PaymentFilter, Settlement, SettlementStore};

/// Settlements in memory, whose own time is the given clock's.
pub struct MemorySettlementStore {
    clock: Arc<dyn Clock>,
    tables: Mutex<Tables>,
}

#[derive(Default)]
struct Tables {
    settlements: BTreeMap<BookingId, Settlement>,
    due_at: HashMap<BookingId, Timestamp>,
    events: Vec<Recorded<PaymentEvent>>,
    inbox: HashSet<(&'static str, EventId)>,
    parked: Vec<EventId>,
    operator_log: Vec<OperatorEntry>,
}

impl MemorySettlementStore {
    /// An empty store.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, tables: Mutex::default() }
    }

    /// Every event committed so far, in order.
    #[must_use]
    pub fn events(&self) -> Vec<Recorded<PaymentEvent>> {
        self.tables().events.clone()
    }

    /// What was told after the first so many events.
    #[must_use]
    pub fn events_since(&self, seen: usize) -> Vec<Recorded<PaymentEvent>> {
        self.tables().events.iter().skip(seen).cloned().collect()
    }

    /// Every settlement, by booking.
    #[must_use]
    pub fn settlements(&self) -> Vec<Settlement> {
        self.tables().settlements.values().cloned().collect()
    }

    /// The messages set aside so far.
    #[must_use]
    pub fn parked(&self) -> Vec<EventId> {
        self.tables().parked.clone()
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

#[async_trait]
impl SettlementStore for MemorySettlementStore {
    async fn find(&self, booking_id: BookingId) -> Result<Option<Settlement>, StoreError> {
        Ok(self.tables().settlements.get(&booking_id).cloned())
    }

    async fn find_payment(&self, payment_id: PaymentId) -> Result<Option<Payment>, StoreError> {
        let tables = self.tables();
        let mut payments = tables.settlements.values().flat_map(|s| &s.payments);
        Ok(payments.find(|payment| payment.id == payment_id).cloned())
    }

    async fn list(
        &self,
        filter: &PaymentFilter,
        after: Option<Cursor>,
        rows_max: u32,
    ) -> Result<Vec<Payment>, StoreError> {
        let place = |payment: &Payment| (payment.created_at.as_micros(), payment.id.as_uuid());
        let tables = self.tables();
        let mut payments: Vec<&Payment> = tables
            .settlements
            .values()
            .flat_map(|settlement| &settlement.payments)
            .filter(|payment| payment.payer.buyer_id == filter.buyer_id)
            .filter(|payment| filter.booking_id.is_none_or(|id| payment.booking_id == id))
            .filter(|payment| after.is_none_or(|after| place(payment) < (after.sort, after.id)))
            .collect();
        payments.sort_by_key(|payment| std::cmp::Reverse(place(payment)));
        Ok(payments.into_iter().take(rows_max as usize).cloned().collect())
    }

    async fn commit(&self, change: Change) -> Result<Committed, StoreError> {
        let mut tables = self.tables();
        let booking_id = change.settlement.booking_id;
        let stored = tables.settlements.get(&booking_id).map_or(0, |stored| stored.revision);
        if stored != change.expected_revision {
            return Ok(Committed::Stale);
        }
        if let Some(cause) = change.caused_by
            && !tables.inbox.insert((cause.consumer, cause.event_id))
        {
            return Ok(Committed::AlreadyHandled);
        }
        match change.settlement.due_in() {
            Some(wait) => tables.due_at.insert(booking_id, self.clock.now().plus(wait)),
            None => tables.due_at.remove(&booking_id),
        };
        tables.settlements.insert(booking_id, change.settlement);
        tables.events.extend(change.events);
        tables.operator_log.extend(change.by_operator);
        Ok(Committed::Done)
    }

    async fn claim_due(
        &self,
        lease: Duration,
        rows_max: u32,
    ) -> Result<Vec<BookingId>, StoreError> {
        let now = self.clock.now();
        let mut tables = self.tables();
        let mut due: Vec<(Timestamp, BookingId)> = tables
            .due_at
            .iter()
            .filter(|(_, due_at)| **due_at <= now)
            .map(|(id, due_at)| (*due_at, *id))
            .collect();
        due.sort_unstable();
        due.truncate(rows_max as usize);
        for (_, booking_id) in &due {
            tables.due_at.insert(*booking_id, now.plus(lease));
            if let Some(settlement) = tables.settlements.get_mut(booking_id) {
                settlement.revision += 1;
            }
        }
        Ok(due.into_iter().map(|(_, booking_id)| booking_id).collect())
    }

    async fn park(
        &self,
        consumer: &'static str,
        message: &Envelope,
        _reason: &str,
    ) -> Result<(), StoreError> {
        let mut tables = self.tables();
        if tables.inbox.insert((consumer, message.id)) {
            tables.parked.push(message.id);
        }
        Ok(())
    }
}
