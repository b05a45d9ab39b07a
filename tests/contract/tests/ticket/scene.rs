//! Fresh stores, what can be seen of them besides their ports, and tickets and orders to write.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use contract::{Engine, Fresh};
use in_process_watching::Listener;
use kernel::{
    BuyerId, CivilDate, Clock, Committed, Currency, Envelope, EventId, HoldId, Locale, Money,
    OrganizerId, Quantity, Recorded, ReplyChange, StoreError, TicketId, Timestamp, Uuid,
};
use memory_ticket::MemoryTicketStore;
use sea_orm_database::{Batching, Changes, Commits};
use sea_orm_ticket::{SeaOrmTicketStore, migrations};
use ticket::{
    Availability, Hold, HoldOwner, HoldRequest, HoldStep, Listing, RegisterTicket, SectionPrice,
    Slot, SlotCapacity, StockCommand, StockEntry, StockOrder, StockOutcome, StockStore,
    StockVerdict, Ticket, TicketChange, TicketDraft, TicketEvent, TicketKind, TicketStore, Wanted,
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
    /// Where it tells of which tickets something changed.
    fn changes(&self) -> Changes;
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

    fn changes(&self) -> Changes {
        Self::changes(self).clone()
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

    fn changes(&self) -> Changes {
        self.fresh.db.changes().clone()
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

    /// Hears of which tickets something changes from now on.
    pub(crate) fn changes(&self) -> Listener {
        self.probe.changes().listen()
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
        self.registered(&RegisterTicket { capacity, ..plain() }).0
    }

    /// A ticket that nobody has written yet, with its slots.
    fn registered(&self, request: &RegisterTicket) -> (Listing, Vec<SlotCapacity>) {
        let seller = (OrganizerId::new("acme").unwrap(), Locale::Ko);
        let at = Timestamp::from_micros(1_000);
        let id = TicketId::new(self.uuid());
        (Ticket::register(id, seller, request, at).unwrap(), request.slots())
    }

    /// Seats on sale; those of section S have a price of their own.
    pub(crate) async fn seated(&self, seats: &[&str]) -> Ticket {
        let mut request = plain();
        request.kind = TicketKind::Seated;
        request.seats = seats.iter().map(|seat| (*seat).to_owned()).collect();
        request.draft.sections = vec![SectionPrice { name: "S".into(), unit_price: won(3_000) }];
        self.put_on_sale(&request).await
    }

    /// Rooms on sale for so many nights from 2090-01-01 on, whatever day it is there.
    pub(crate) async fn nightly(&self, nights: i32, rooms: u64) -> Ticket {
        let dates: Vec<_> = (0..nights).map(|place| (night(place), rooms)).collect();
        self.rooms("UTC", &dates).await
    }

    /// So many rooms on each of these dates at a place in this time zone, even on those that are over.
    pub(crate) async fn rooms(&self, zone: &str, dates: &[(CivilDate, u64)]) -> Ticket {
        let first = Timestamp::from_micros(1_000);
        let first = Some(CivilDate::in_utc(first));
        let mut registered = RegisterTicket {
            kind: TicketKind::Nightly,
            first_night: first.and_then(|first| first.plus_days(1)),
            last_night: first.and_then(|first| first.plus_days(1)),
            ..plain()
        };
        registered.draft.time_zone = zone.to_owned();
        let ticket = self.put_on_sale(&registered).await;
        let revision = ticket.revision;
        let mut listing = self.find(ticket.id).await;
        listing.ticket.revision += 1;
        listing.ticket.event_version += 1;
        let night = |(date, rooms): &(CivilDate, u64)| SlotCapacity {
            slot: Slot::Night(*date),
            capacity: *rooms,
            position: 0,
        };
        let capacities = dates.iter().map(night).collect();
        let change = TicketChange { capacities, ..self.change(&listing, revision) };
        assert_eq!(self.tickets.commit(change).await, Ok(Committed::Done));
        listing.ticket
    }

    async fn put_on_sale(&self, request: &RegisterTicket) -> Ticket {
        let (listing, capacities) = self.registered(request);
        let change = TicketChange { capacities, ..self.change(&listing, 0) };
        assert_eq!(self.tickets.commit(change).await, Ok(Committed::Done));
        listing.ticket
    }

    /// The time of the store, by which holds are decided.
    pub(crate) async fn now(&self) -> Timestamp {
        let ticket = self.on_sale(1, |_| {}).await;
        let expires_at = self.held(&ticket, 1, false).await.expires_at;
        let ttl_us = i64::try_from(ticket.terms.hold_ttl.as_micros()).unwrap();
        Timestamp::from_micros(expires_at.as_micros() - ttl_us)
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
            (vec![SlotCapacity { slot, capacity, position: 0 }], event)
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
            nights: None,
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
        StockOrder { command, event_id: EventId::new(self.uuid()), causation_id: None, key: None }
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
            owner: HoldOwner::Buyer(BuyerId::new(buyer).unwrap()),
            wanted: Wanted::Units(Quantity::new(units).unwrap()),
            expected_total: None,
            pinned: false,
            surely_new: false,
            check_only: false,
        }
    }

    /// What is left of a ticket, all of its nights if it has some.
    pub(crate) async fn left(&self, id: TicketId) -> Option<Availability> {
        let read = self.stock.slots(&[id], None, None).await.unwrap().pop();
        read.map(|slots| Availability::of(slots, None))
    }
}

pub(crate) fn hold_of(verdict: StockVerdict) -> Hold {
    match verdict {
        Ok(StockOutcome::Hold(hold)) => hold,
        Ok(StockOutcome::Tombstone) => panic!("a tombstone"),
        Err(refusal) => panic!("{refusal}"),
    }
}

/// A night so many days after 2090-01-01.
pub(crate) fn night(place: i32) -> CivilDate {
    CivilDate::new(2090, 1, 1).unwrap().plus_days(place).unwrap()
}

fn plain() -> RegisterTicket {
    let draft = TicketDraft {
        name: "Concert".into(),
        unit_price: Some(won(1_000)),
        hold_ttl: Some(Duration::from_secs(600)),
        ..TicketDraft::default()
    };
    RegisterTicket::admission(0, draft)
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
