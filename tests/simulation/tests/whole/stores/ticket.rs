//! Tickets, stock and holds behind the gate of a server.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{Committed, Cursor, Envelope, HoldId, KeyedReply, ReplyKey, StoreError, TicketId};
use memory_ticket::MemoryTicketStore;
use ticket::{
    DueHolds, Hold, HoldRecord, Listing, Nights, StockOrder, StockStore, StockVerdict,
    TicketChange, TicketKind, TicketPage, TicketSearch, TicketSlots, TicketStore,
};

use crate::gate::{Gate, read, write_through};

pub(crate) struct Rows {
    pub(crate) inner: Arc<MemoryTicketStore>,
    pub(crate) gate: Gate,
}

#[async_trait]
impl TicketStore for Rows {
    async fn find(&self, id: TicketId) -> Result<Option<Listing>, StoreError> {
        read!(self.find(id))
    }

    async fn search(&self, search: &TicketSearch) -> Result<TicketPage, StoreError> {
        read!(self.search(search))
    }

    async fn commit(&self, change: TicketChange) -> Result<Committed, StoreError> {
        write_through!(self.commit(change))
    }

    async fn find_reply(&self, key: &ReplyKey) -> Result<Option<KeyedReply>, StoreError> {
        read!(self.find_reply(key))
    }

    async fn find_retirable(&self, limit: u32) -> Result<Vec<TicketId>, StoreError> {
        read!(self.find_retirable(limit))
    }

    async fn park(
        &self,
        consumer: &'static str,
        message: &Envelope,
        reason: &str,
    ) -> Result<(), StoreError> {
        write_through!(self.park(consumer, message, reason))
    }
}

#[async_trait]
impl StockStore for Rows {
    async fn execute(&self, orders: Vec<StockOrder>) -> Result<Vec<StockVerdict>, StoreError> {
        for order in &orders {
            self.gate.tell(|| format!("{:?}", order.command));
        }
        write_through!(self.execute(orders))
    }

    async fn find_hold(&self, id: HoldId) -> Result<Option<HoldRecord>, StoreError> {
        read!(self.find_hold(id))
    }

    async fn due_holds(&self, skipped: usize, limit: u32) -> Result<DueHolds, StoreError> {
        read!(self.due_holds(skipped, limit))
    }

    async fn house_holds(
        &self,
        ticket_id: TicketId,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<Hold>, StoreError> {
        read!(self.house_holds(ticket_id, after, limit))
    }

    async fn forsaken_house_holds(&self, limit: u32) -> Result<Vec<HoldId>, StoreError> {
        read!(self.forsaken_house_holds(limit))
    }

    async fn slots(
        &self,
        tickets: &[TicketId],
        kind: Option<TicketKind>,
        nights: Option<Nights>,
    ) -> Result<Vec<TicketSlots>, StoreError> {
        read!(self.slots(tickets, kind, nights))
    }
}
