//! Holds whose rows cannot be read, among others that are due.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use kernel::{Cursor, HoldId, StoreError, TicketId};
use memory_ticket::MemoryTicketStore;
use ticket::{
    DueHolds, Hold, HoldRecord, Nights, StockOrder, StockStore, StockVerdict, StuckHold,
    TicketKind, TicketSlots,
};

use crate::Scene;

/// Stock of which some holds' rows are corrupt.
struct Damaged {
    inner: Arc<MemoryTicketStore>,
    corrupt: Vec<HoldId>,
}

#[async_trait]
impl StockStore for Damaged {
    async fn execute(&self, orders: Vec<StockOrder>) -> Result<Vec<StockVerdict>, StoreError> {
        let ids = orders.iter().map(|order| order.command.hold_id());
        match ids.into_iter().find(|id| self.corrupt.contains(id)) {
            Some(id) => Err(corrupt(id)),
            None => self.inner.execute(orders).await,
        }
    }

    async fn find_hold(&self, id: HoldId) -> Result<Option<HoldRecord>, StoreError> {
        self.inner.find_hold(id).await
    }

    async fn due_holds(&self, skipped: usize, limit: u32) -> Result<DueHolds, StoreError> {
        self.inner.due_holds(skipped, limit).await
    }

    async fn house_holds(
        &self,
        ticket_id: TicketId,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<Hold>, StoreError> {
        self.inner.house_holds(ticket_id, after, limit).await
    }

    async fn forsaken_house_holds(&self, limit: u32) -> Result<Vec<HoldId>, StoreError> {
        self.inner.forsaken_house_holds(limit).await
    }

    async fn slots(
        &self,
        tickets: &[TicketId],
        kind: Option<TicketKind>,
        nights: Option<Nights>,
    ) -> Result<Vec<TicketSlots>, StoreError> {
        self.inner.slots(tickets, kind, nights).await
    }
}

fn corrupt(id: HoldId) -> StoreError {
    StoreError::CorruptRow { table: "hold", id: id.to_string(), column: "currency" }
}

#[tokio::test]
async fn r03_corrupt_holds_keep_no_other_from_expiring() {
    for (holds, corrupt_places, limit) in
        [(5, vec![2], 10), (9, vec![0, 1, 2, 3, 4], 2), (9, vec![0, 4, 8], 3), (4, vec![3], 4)]
    {
        let mut scene = Scene::new();
        let id = scene.registered(10).await;
        let mut due = Vec::new();
        for _ in 0..holds {
            due.push(scene.hold(id, 1, false).await);
        }
        scene.clock.advance(ticket::HOLD_TTL_DEFAULT);
        let damaged: Vec<_> = corrupt_places.iter().map(|place| due[*place]).collect();
        let inner = scene.store.clone();
        scene.ticketing.stock = Arc::new(Damaged { inner, corrupt: damaged.clone() });
        let (mut expired, mut stuck) = (0, BTreeSet::new());
        loop {
            let sweep = scene.ticketing.expire_holds(limit).await.unwrap();
            expired += sweep.expired;
            for StuckHold { hold_id, why } in sweep.stuck {
                assert_eq!(why, corrupt(hold_id).into());
                stuck.insert(hold_id);
            }
            if !sweep.more {
                break;
            }
        }
        assert_eq!(expired, holds - damaged.len(), "all others, {corrupt_places:?}");
        assert_eq!(stuck, damaged.into_iter().collect(), "each of them, and no other");
    }
}
