//! Stock and holds in memory.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use kernel::{BuyerId, Cursor, HoldId, KeyedReply, StoreError, TicketId};
use ticket::{
    DueHolds, Hold, HoldRecord, HoldState, Nights, OrderKey, PIN_MAX, Slot, SlotKey, SlotRecord,
    StockBook, StockChanges, StockNeeds, StockOrder, StockOutcome, StockRefusal, StockStore,
    StockVerdict, TicketKind, TicketSlots, TicketStatus,
};

use crate::{MemoryTicketStore, Tables};

#[async_trait]
impl StockStore for MemoryTicketStore {
    async fn execute(&self, orders: Vec<StockOrder>) -> Result<Vec<StockVerdict>, StoreError> {
        let now = self.clock.now();
        let mut tables = self.tables();
        let mut book = tables.open_book(&orders);
        let mut replies = BTreeMap::new();
        let decide = |order: &StockOrder| {
            let Some(OrderKey { key, encode }) = &order.key else {
                return book.execute(order, now);
            };
            let name = (key.scope.clone(), key.key.clone());
            if tables.replies.contains_key(&name) || replies.contains_key(&name) {
                return Err(StockRefusal::KeyTaken);
            }
            let verdict = book.execute(order, now);
            if let Ok(StockOutcome::Hold(hold)) = &verdict {
                let (fingerprint, body) = (key.fingerprint.clone(), Some(encode(hold)));
                let reply = KeyedReply { fingerprint, resource_id: String::new(), body };
                replies.insert(name, reply);
            }
            verdict
        };
        let verdicts = orders.iter().map(decide).collect();
        let changes = book.into_changes();
        let moved: BTreeSet<_> = changes.counters.keys().map(|(ticket_id, _)| *ticket_id).collect();
        tables.write(changes)?;
        tables.replies.extend(replies);
        drop(tables);
        moved.iter().for_each(|ticket_id| self.changes.tell(&ticket_id.to_string()));
        Ok(verdicts)
    }

    async fn find_hold(&self, id: HoldId) -> Result<Option<HoldRecord>, StoreError> {
        Ok(self.tables().holds.get(&id).cloned())
    }

    async fn due_holds(&self, skipped: usize, limit: u32) -> Result<DueHolds, StoreError> {
        let now = self.clock.now();
        let tables = self.tables();
        let mut due = Vec::new();
        let mut overdue_pins = 0;
        for hold in tables.holds() {
            match hold.state {
                HoldState::Active { pinned_since: None } if hold.expires_at <= now => {
                    due.push((hold.expires_at, hold.id));
                }
                HoldState::Active { pinned_since: Some(since) } if now.since(since) > PIN_MAX => {
                    overdue_pins += 1;
                }
                HoldState::Active { .. }
                | HoldState::Committed
                | HoldState::Returned
                | HoldState::Released { .. }
                | HoldState::Expired => {}
            }
        }
        due.sort_unstable();
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let due = due.into_iter().skip(skipped).take(limit).map(|(_, id)| id).collect();
        Ok(DueHolds { due, unreadable: 0, overdue_pins })
    }

    async fn house_holds(
        &self,
        ticket_id: TicketId,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<Hold>, StoreError> {
        let tables = self.tables();
        let place = |hold: &Hold| hold.house_cursor().map(|cursor| (cursor.sort, cursor.id));
        let after = after.map(|cursor| (cursor.sort, cursor.id));
        let is_asked = |hold: &&Hold| {
            let place = place(hold);
            let is_beyond = after.is_none() || place < after;
            place.is_some() && is_beyond && hold.ticket_id == ticket_id && hold.state.keeps_stock()
        };
        let mut holds: Vec<_> = tables.holds().filter(is_asked).cloned().collect();
        holds.sort_by_key(place);
        holds.reverse();
        holds.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(holds)
    }

    async fn forsaken_house_holds(&self, limit: u32) -> Result<Vec<HoldId>, StoreError> {
        let tables = self.tables();
        let is_retiring = |id: &TicketId| {
            tables.tickets.get(id).is_some_and(|ticket| ticket.status == TicketStatus::Retiring)
        };
        let forsaken = tables.holds().filter(|hold| {
            hold.owner.buyer_id().is_none()
                && hold.state.keeps_stock()
                && is_retiring(&hold.ticket_id)
        });
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(forsaken.map(|hold| hold.id).take(limit).collect())
    }

    async fn slots(
        &self,
        tickets: &[TicketId],
        kind: Option<TicketKind>,
        nights: Option<Nights>,
    ) -> Result<Vec<TicketSlots>, StoreError> {
        let (tables, now) = (self.tables(), self.clock.now());
        let is_asked = |slot: &Slot| match (slot, nights) {
            (Slot::Night(date), Some(nights)) => nights.dates().any(|night| night == *date),
            (Slot::Night(_), None) | (Slot::Admission | Slot::Seat(_), _) => true,
        };
        let found = tickets.iter().filter_map(|id| tables.tickets.get(id));
        let found = found.filter(|ticket| kind.is_none_or(|kind| ticket.kind == kind));
        let read = found.map(|ticket| {
            let mut read = tables.slots_of(ticket, now);
            read.slots.retain(|(slot, _)| is_asked(slot));
            read
        });
        Ok(read.collect())
    }
}

impl Tables {
    fn holds(&self) -> impl Iterator<Item = &Hold> {
        self.holds.values().filter_map(|record| match record {
            HoldRecord::Hold(hold) => Some(hold),
            HoldRecord::Tombstone(_) => None,
        })
    }

    fn open_book(&self, orders: &[StockOrder]) -> StockBook {
        let ids = orders.iter().map(|order| order.command.hold_id());
        let known: Vec<_> = ids.filter_map(|id| self.holds.get(&id).cloned()).collect();
        let needs = StockNeeds::of(orders, &known);
        let tickets = needs.tickets.iter().filter_map(|id| self.tickets.get(id).cloned());
        let tickets: Vec<_> = tickets.collect();
        let seated: Vec<_> = needs.all_seats_of(&tickets).collect();
        let needed = |key: &SlotKey| needs.slots.contains(key) || seated.contains(&key.0);
        let stocks = self.stocks.iter().filter(|(key, _)| needed(key));
        let stocks = stocks.map(|(key, record)| (key.clone(), *record)).collect();
        let owned = needs.buyers.iter().map(|owner| {
            let units = self.owned(owner.0, &owner.1);
            (owner.clone(), units)
        });
        let owned = owned.collect();
        StockBook::new(tickets, stocks, known, owned)
    }

    fn owned(&self, ticket_id: TicketId, buyer_id: &BuyerId) -> u64 {
        let theirs = |hold: &&Hold| {
            hold.ticket_id == ticket_id
                && hold.owner.buyer_id() == Some(buyer_id)
                && hold.state.keeps_stock()
        };
        self.holds().filter(theirs).map(|hold| u64::from(hold.quantity.get())).sum()
    }

    fn write(&mut self, changes: StockChanges) -> Result<(), StoreError> {
        for (key, counts) in changes.counters {
            let SlotRecord { stock, terms } = self.stocks.get(&key).copied().unwrap_or_default();
            let moved = stock.moved(counts.held, counts.sold);
            let stock = moved.map_err(|broken| StoreError::Unavailable {
                doing: "moving stock",
                cause: broken.to_string(),
            })?;
            self.stocks.insert(key, SlotRecord { stock, terms });
        }
        for change in changes.holds {
            self.holds.insert(change.record.id(), change.record);
        }
        self.entries.extend(changes.entries);
        self.events.extend(changes.events);
        Ok(())
    }
}
