//! Stock and holds in memory.

use async_trait::async_trait;
use kernel::{BuyerId, HoldId, StoreError, TicketId, Timestamp};
use ticket::{
    Availability, DueHolds, Hold, HoldRecord, HoldState, PIN_MAX, SlotAvailability, Stock,
    StockBook, StockChanges, StockNeeds, StockOrder, StockStore, StockVerdict,
};

use crate::{MemoryTicketStore, Tables};

#[async_trait]
impl StockStore for MemoryTicketStore {
    async fn execute(&self, orders: Vec<StockOrder>) -> Result<Vec<StockVerdict>, StoreError> {
        let now = self.clock.now();
        let mut tables = self.tables();
        let mut book = tables.open_book(&orders);
        let verdicts = orders.iter().map(|order| book.execute(order, now)).collect();
        tables.write(book.into_changes())?;
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

    async fn availability(
        &self,
        id: TicketId,
        read_at: Timestamp,
    ) -> Result<Option<Availability>, StoreError> {
        let tables = self.tables();
        let Some(ticket) = tables.tickets.get(&id) else { return Ok(None) };
        let of_ticket = tables.stocks.iter().filter(|((ticket_id, _), _)| *ticket_id == id);
        let slots = of_ticket
            .map(|((_, slot), stock)| SlotAvailability { slot: slot.clone(), stock: *stock })
            .collect();
        let total = tables.listing(ticket).stock;
        Ok(Some(Availability { ticket_id: id, total, slots, read_at }))
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
        let stocks = needs.slots.into_iter().filter_map(|key| {
            let stock = self.stocks.get(&key).copied();
            stock.map(|stock| (key, stock))
        });
        let owned = needs.buyers.into_iter().map(|owner| {
            let units = self.owned(owner.0, &owner.1);
            (owner, units)
        });
        StockBook::new(tickets.collect(), stocks.collect(), known, owned.collect())
    }

    fn owned(&self, ticket_id: TicketId, buyer_id: &BuyerId) -> u64 {
        let theirs = |hold: &&Hold| {
            hold.ticket_id == ticket_id && hold.buyer_id == *buyer_id && hold.state.keeps_stock()
        };
        self.holds().filter(theirs).map(Hold::units).sum()
    }

    fn write(&mut self, changes: StockChanges) -> Result<(), StoreError> {
        for (key, counts) in changes.counters {
            let stock = self.stocks.get(&key).copied().unwrap_or_default();
            let moved = stock.moved(counts.held, counts.sold);
            let moved: Stock = moved.map_err(|broken| StoreError::Unavailable {
                doing: "moving stock",
                cause: broken.to_string(),
            })?;
            self.stocks.insert(key, moved);
        }
        for change in changes.holds {
            self.holds.insert(change.record.id(), change.record);
        }
        self.entries.extend(changes.entries);
        self.events.extend(changes.events);
        Ok(())
    }
}
