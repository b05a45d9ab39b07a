//! Fresh stores, what can be seen of them besides their ports, and tickets and orders to write.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use contract::{Engine, Fresh};
use kernel::{
    BuyerId, Clock, Committed, Currency, Envelope, EventId, HoldId, Locale, Money, OrganizerId,
    Quantity, Recorded, ReplyChange, StoreError, TicketId, Timestamp, Uuid,
};
use memory_ticket::MemoryTicketStore;
use sea_orm_database::{Batching, Commits};
use sea_orm_ticket::{SeaOrmTicketStore, migrations};
use ticket::{
    Allocation, Hold, HoldRequest, HoldStep, Lines, Listing, RegisterTicket, Slot, SlotCapacity,
    StockCommand, StockEntry, StockOrder, StockOutcome, StockStore, StockVerdict, Ticket,
    TicketChange, TicketDraft, TicketEvent, TicketKind, TicketStore,
};

const ASKED_AGAIN_MAX: usize = 20;

/// One store behind both ports.
pub(crate) struct Stores {
    pub(crate) tickets: Arc<dyn TicketStore>,
    pub(crate) stock: Arc<dyn StockStore>,
    probe: Arc<dyn Probe>,
    numbers: AtomicU64,
}

/// What the ports do not show.
#[async_trait]
trait Probe: Send + Sync {
    async fn ledger(&self, id: TicketId) -> Vec<StockEntry>;
    async fn told(&self) -> Vec<Told>;
    /// Changes rows behind the store's back, where there are rows.
    async fn tamper(&self, sql: &str);
    /// Where the rows are.
    fn database(&self) -> &Fresh;
}

/// An event that was told: of which aggregate, which name, which version.
pub(crate) type Told = (String, String, i64);

/// The time of this machine, so that it passes in memory as it does in a database.
struct Ticking(Instant);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_000_000_000_000_000).plus(self.0.elapsed())
    }
}

#[async_trait]
impl Probe for MemoryTicketStore {
    async fn ledger(&self, id: TicketId) -> Vec<StockEntry> {
        Self::ledger(self, id)
    }

    async fn told(&self) -> Vec<Told> {
        let told = |recorded: &Recorded<TicketEvent>| {
            let message = envelope(recorded);
            (message.aggregate_id, message.event_type, message.aggregate_version)
        };
        self.events().iter().map(told).collect()
    }

    async fn tamper(&self, _sql: &str) {
        panic!("memory has no rows");
    }

    fn database(&self) -> &Fresh {
        panic!("memory has no database");
    }
}

struct InDatabase {
    store: Arc<SeaOrmTicketStore>,
    fresh: Fresh,
}

#[async_trait]
impl Probe for InDatabase {
    async fn ledger(&self, id: TicketId) -> Vec<StockEntry> {
        self.store.ledger(id).await.unwrap()
    }

    async fn told(&self) -> Vec<Told> {
        let reader = self.fresh.db.reader();
        let sql = "SELECT aggregate_id, event_type, version FROM outbox ORDER BY seq";
        let query = sea_orm::Statement::from_string(reader.get_database_backend(), sql);
        let rows = sea_orm::ConnectionTrait::query_all_raw(reader, query).await.unwrap();
        let told = |row: sea_orm::QueryResult| {
            (row.try_get_by(0).unwrap(), row.try_get_by(1).unwrap(), row.try_get_by(2).unwrap())
        };
        rows.into_iter().map(told).collect()
    }

    async fn tamper(&self, sql: &str) {
        self.fresh.tamper(sql).await.unwrap();
    }

    fn database(&self) -> &Fresh {
        &self.fresh
    }
}

pub(crate) async fn memory() -> Stores {
    Stores::in_memory()
}

pub(crate) async fn over(engine: Engine) -> Stores {
    Stores::over(engine).await
}

impl Stores {
    fn in_memory() -> Self {
        let store = Arc::new(MemoryTicketStore::new(Arc::new(Ticking(Instant::now()))));
        let numbers = AtomicU64::new(1);
        Self { tickets: store.clone(), stock: store.clone(), probe: store, numbers }
    }

    async fn over(engine: Engine) -> Self {
        let fresh = Fresh::new(engine, migrations()).await;
        let store = Arc::new(SeaOrmTicketStore::new(fresh.db.clone(), envelope, Batching::On));
        let probe = InDatabase { store: store.clone(), fresh };
        let numbers = AtomicU64::new(1);
        Self { tickets: store.clone(), stock: store, probe: Arc::new(probe), numbers }
    }

    pub(crate) fn uuid(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.numbers.fetch_add(1, Ordering::SeqCst)))
    }

    pub(crate) async fn ledger(&self, id: TicketId) -> Vec<StockEntry> {
        self.probe.ledger(id).await
    }

    pub(crate) async fn tamper(&self, sql: &str) {
        self.probe.tamper(sql).await;
    }

    pub(crate) fn database(&self) -> &Fresh {
        self.probe.database()
    }

    /// Hears of transactions of this process from now on.
    pub(crate) fn commits(&self) -> Commits {
        self.database().db.committed()
    }

    /// Another server's store over the same database, with connections of its own.
    pub(crate) async fn beside(&self, batching: Batching) -> SeaOrmTicketStore {
        let database = self.database().open_again(migrations()).await;
        SeaOrmTicketStore::new(database, envelope, batching)
    }

    /// The same rows as another process sees and changes them.
    pub(crate) async fn replica(&self) -> Self {
        let store = Arc::new(self.beside(Batching::On).await);
        let numbers = AtomicU64::new(1 << 32);
        Self { tickets: store.clone(), stock: store, probe: self.probe.clone(), numbers }
    }

    /// What was told of one ticket or hold.
    pub(crate) async fn told(&self, of: impl ToString + Send) -> Vec<(String, i64)> {
        let of = of.to_string();
        let told = self.probe.told().await.into_iter().filter(|(id, ..)| *id == of);
        told.map(|(_, name, version)| (name, version)).collect()
    }

    /// A ticket nobody has written yet.
    pub(crate) fn listing(&self, capacity: i64) -> Listing {
        let draft = TicketDraft {
            name: "Concert".into(),
            unit_price: Some(won(1_000)),
            hold_ttl: Some(Duration::from_secs(600)),
            ..TicketDraft::default()
        };
        let request = RegisterTicket {
            kind: TicketKind::Admission,
            allocation: Allocation::HoldFirst,
            capacity,
            draft,
        };
        let seller = (OrganizerId::new("acme").unwrap(), Locale::Ko);
        let at = Timestamp::from_micros(1_000);
        Ticket::register(TicketId::new(self.uuid()), seller, &request, at).unwrap()
    }

    /// A ticket on sale; `form` says how it differs from the usual one.
    pub(crate) async fn on_sale(&self, capacity: i64, form: impl FnOnce(&mut Ticket)) -> Ticket {
        let mut listing = self.listing(capacity);
        form(&mut listing.ticket);
        let registered = self.tickets.commit(self.change(&listing, 0)).await;
        assert_eq!(registered, Ok(Committed::Done));
        listing.ticket
    }

    /// The commit of a new ticket or a changed one.
    pub(crate) fn change(&self, listing: &Listing, expected_revision: i64) -> TicketChange {
        let ticket = listing.ticket.clone();
        let boxed = Box::new(listing.clone());
        let (capacities, event) = if expected_revision == 0 {
            let (slot, capacity) = (Slot::Admission, listing.stock.capacity());
            let organizer_locale = Locale::Ko;
            let event = TicketEvent::TicketRegistered { listing: boxed, organizer_locale };
            (vec![SlotCapacity { slot, capacity }], event)
        } else {
            (Vec::new(), TicketEvent::TicketChanged { listing: boxed })
        };
        let recorded = Recorded {
            id: EventId::new(self.uuid()),
            at: ticket.updated_at,
            version: ticket.event_version,
            correlation_id: ticket.id.to_string(),
            causation_id: None,
            event,
        };
        TicketChange {
            ticket,
            expected_revision,
            capacities,
            events: vec![recorded],
            caused_by: None,
            reply: ReplyChange::None,
        }
    }

    pub(crate) async fn find(&self, id: TicketId) -> Listing {
        self.tickets.find(id).await.unwrap().unwrap()
    }

    /// Deletes a ticket, whatever its revision is by now.
    pub(crate) async fn delete(&self, id: TicketId) {
        let mut listing = self.find(id).await;
        let revision = listing.ticket.revision;
        let _happened = listing.ticket.retire(Timestamp::from_micros(2_000));
        let deleted = self.tickets.commit(self.change(&listing, revision)).await;
        assert_eq!(deleted, Ok(Committed::Done));
    }

    pub(crate) fn order(&self, command: StockCommand) -> StockOrder {
        StockOrder { command, event_id: EventId::new(self.uuid()), causation_id: None }
    }

    pub(crate) async fn execute(&self, command: StockCommand) -> StockVerdict {
        let verdicts = self.decide(vec![self.order(command)]).await;
        verdicts.into_iter().next().unwrap()
    }

    /// As a caller does it: a database that has too much to do is asked again.
    pub(crate) async fn decide(&self, orders: Vec<StockOrder>) -> Vec<StockVerdict> {
        for _ in 0..ASKED_AGAIN_MAX {
            match self.stock.execute(orders.clone()).await {
                Err(StoreError::Overloaded { .. }) => {}
                ended => return ended.unwrap(),
            }
        }
        panic!("overloaded {ASKED_AGAIN_MAX} times");
    }

    pub(crate) async fn step(&self, id: HoldId, step: HoldStep) -> StockVerdict {
        self.execute(StockCommand::Step(id, step)).await
    }

    /// A hold of a new identifier, which succeeds.
    pub(crate) async fn held(&self, ticket: &Ticket, units: i64, pinned: bool) -> Hold {
        let request = self.request(ticket, "alice", units);
        let request = HoldRequest { pinned, ..request };
        hold_of(self.execute(StockCommand::Hold(request)).await)
    }

    pub(crate) fn request(&self, ticket: &Ticket, buyer: &str, units: i64) -> HoldRequest {
        HoldRequest {
            hold_id: HoldId::new(self.uuid()),
            ticket_id: ticket.id,
            buyer_id: BuyerId::new(buyer).unwrap(),
            lines: Lines::from([(Slot::Admission, Quantity::new(units).unwrap())]),
            expected_total: None,
            pinned: false,
            surely_new: false,
        }
    }
}

pub(crate) fn hold_of(verdict: StockVerdict) -> Hold {
    match verdict {
        Ok(StockOutcome::Hold(hold)) => hold,
        Ok(StockOutcome::Tombstone) => panic!("a tombstone"),
        Err(refusal) => panic!("{refusal}"),
    }
}

pub(crate) fn won(amount: i64) -> Money {
    Money::from_minor(amount, Currency::from_code("KRW").unwrap())
}

/// The envelope without its payload, which no store looks into.
fn envelope(recorded: &Recorded<TicketEvent>) -> Envelope {
    let (event_type, aggregate_type, aggregate_id) = match &recorded.event {
        TicketEvent::TicketRegistered { listing, .. } => ("Registered", "ticket", id_of(listing)),
        TicketEvent::TicketChanged { listing } => ("Changed", "ticket", id_of(listing)),
        TicketEvent::TicketRetirementStarted { listing } => ("Retiring", "ticket", id_of(listing)),
        TicketEvent::TicketRetired { listing } => ("Retired", "ticket", id_of(listing)),
        TicketEvent::HoldExpired { hold_id, .. } => ("Expired", "hold", hold_id.to_string()),
        TicketEvent::StockReturned { hold_id, .. } => ("Returned", "hold", hold_id.to_string()),
    };
    Envelope {
        id: recorded.id,
        event_type: event_type.to_owned(),
        source: "ticket".to_owned(),
        occurred_at: recorded.at,
        aggregate_type: aggregate_type.to_owned(),
        aggregate_id,
        aggregate_version: recorded.version,
        correlation_id: recorded.correlation_id.clone(),
        causation_id: recorded.causation_id.clone(),
        traceparent: None,
        payload: Vec::new(),
    }
}

fn id_of(listing: &Listing) -> String {
    listing.ticket.id.to_string()
}
