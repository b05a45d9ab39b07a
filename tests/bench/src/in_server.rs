//! Holds inside one server: tickets on sale in a fresh database, and callers who hold as fast as they are answered.

use std::sync::Arc;
use std::time::Duration;

use contract::{Engine, Fresh};
use grpc_ticket::envelope;
use kernel::{
    BuyerId, Committed, Currency, EventId, HoldId, Locale, Money, OrganizerId, Quantity,
    ReplyChange, TicketId, Timestamp, Uuid,
};
use sea_orm_database::Batching;
use sea_orm_ticket::{SeaOrmTicketStore, migrations};
use ticket::{
    HoldOwner, HoldRequest, RegisterTicket, StockCommand, StockOrder, StockOutcome, StockStore,
    Ticket, TicketChange, TicketDraft, TicketStore, Wanted,
};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::measurement::Measurement;
use crate::processor::Watch;

/// More than anybody holds.
pub(crate) const PLENTY: i64 = 10_000_000;
const WARM_UP: Duration = Duration::from_secs(1);
/// After a refusal for want of room, as callers do.
const LATER: Duration = Duration::from_millis(20);

/// A server's store of tickets over a fresh database, with one on sale.
pub(crate) struct Stage {
    pub(crate) fresh: Fresh,
    pub(crate) store: Arc<SeaOrmTicketStore>,
    pub(crate) ticket: TicketId,
    engine: Engine,
}

impl Stage {
    pub(crate) async fn set_up(engine: Engine, batching: Batching, capacity: i64) -> Self {
        let fresh = Fresh::new(engine, migrations()).await;
        let store = Arc::new(SeaOrmTicketStore::new(fresh.db.clone(), envelope, batching));
        let ticket = on_sale(&store, capacity).await;
        Self { fresh, store, ticket, engine }
    }

    /// The engine's process, where it has one.
    pub(crate) fn processes(&self) -> Vec<(String, u32)> {
        match self.engine {
            Engine::Sqlite => Vec::new(),
            Engine::Postgres => database_processes("postgres"),
            Engine::MariaDb => database_processes("mariadb"),
        }
    }

    /// Measures so many who hold one unit at a time, half of the time of the first ticket.
    pub(crate) async fn measure(
        &self,
        tickets: &Arc<[TicketId]>,
        callers: u16,
        time: Duration,
    ) -> Measurement {
        let measured_from = Instant::now() + WARM_UP;
        let mut calling = JoinSet::new();
        for caller in 0..callers {
            let (store, tickets) = (Arc::clone(&self.store), Arc::clone(tickets));
            let caller = Caller { store, tickets, number: caller, measured_from, time };
            calling.spawn(caller.hold());
        }
        sleep(WARM_UP).await;
        let watch = Watch::begin(self.processes());
        sleep(time).await;
        let used = watch.end();
        let calls: Vec<Calls> = calling.join_all().await;
        let held: usize = calls.iter().map(|calls| calls.held).sum();
        // Only what is found afterwards counts.
        let (rows, counted): (i64, i64) = (
            self.fresh.value("SELECT COUNT(*) FROM hold").await,
            self.fresh
                .value(&format!("SELECT CAST(SUM(held) AS {}) FROM stock", self.integer()))
                .await,
        );
        assert_eq!((rows, counted), (number(held), number(held)), "rows, units held, and answers");
        let failed = calls.iter().map(|calls| calls.failed).sum();
        let waits = calls.into_iter().flat_map(|calls| calls.waits).collect();
        Measurement::of(waits, failed, time, &used)
    }

    /// A sum may be of another type than what is summed.
    const fn integer(&self) -> &'static str {
        match self.engine {
            Engine::MariaDb => "SIGNED",
            Engine::Sqlite | Engine::Postgres => "BIGINT",
        }
    }

    /// Ends what it stands on.
    pub(crate) async fn close(self) {
        self.fresh.db.close().await;
    }
}

struct Caller {
    store: Arc<SeaOrmTicketStore>,
    tickets: Arc<[TicketId]>,
    number: u16,
    measured_from: Instant,
    time: Duration,
}

#[derive(Default)]
struct Calls {
    waits: Vec<Duration>,
    held: usize,
    failed: usize,
}

impl Caller {
    async fn hold(self) -> Calls {
        let mut calls = Calls::default();
        for turn in 0_usize.. {
            if self.measured_from.elapsed() >= self.time {
                break;
            }
            let (_, order) = order(self.ticket(turn), self.number, 1);
            let begun = Instant::now();
            let answered = self.store.execute(vec![order]).await;
            let answered_at = Instant::now();
            // Answers count by when they come: those that began before are as many as those that end after.
            let measured =
                self.measured_from <= answered_at && answered_at < self.measured_from + self.time;
            match answered.as_deref() {
                Ok([Ok(StockOutcome::Hold(_))]) => {
                    calls.held += 1;
                    calls.waits.extend(measured.then(|| answered_at - begun));
                }
                Err(_) => {
                    calls.failed += usize::from(measured);
                    sleep(LATER).await;
                }
                Ok(verdicts) => panic!("there is enough for all: {verdicts:?}"),
            }
        }
        calls
    }

    /// Every second time the hot one, else any of them, each caller in an order of its own.
    fn ticket(&self, turn: usize) -> TicketId {
        const STRIDE: usize = 7_919;
        let any = (usize::from(self.number) * STRIDE + turn) * STRIDE % self.tickets.len();
        let place = if turn.is_multiple_of(2) { 0 } else { any };
        self.tickets.get(place).copied().unwrap_or_else(|| panic!("no ticket"))
    }
}

/// A fresh hold of so many units.
pub(crate) fn order(ticket_id: TicketId, buyer: u16, units: u32) -> (HoldId, StockOrder) {
    let buyer_id = BuyerId::new(format!("buyer-{buyer}")).unwrap_or_else(|error| panic!("{error}"));
    let quantity = Quantity::new(units.into()).unwrap_or_else(|error| panic!("{error}"));
    let hold_id = HoldId::new(fresh_id());
    let request = HoldRequest {
        hold_id,
        ticket_id,
        owner: HoldOwner::Buyer(buyer_id),
        wanted: Wanted::Units(quantity),
        expected_total: None,
        pinned: true,
        surely_new: true,
        check_only: false,
    };
    (hold_id, ordered(StockCommand::Hold(request)))
}

/// An order of nobody's event.
pub(crate) fn ordered(command: StockCommand) -> StockOrder {
    StockOrder { command, event_id: EventId::new(fresh_id()), causation_id: None, key: None }
}

async fn on_sale(store: &SeaOrmTicketStore, capacity: i64) -> TicketId {
    let won = Currency::from_code("KRW").unwrap_or_else(|error| panic!("{error}"));
    let draft = TicketDraft {
        name: "Concert".to_owned(),
        unit_price: Some(Money::from_minor(1_000, won)),
        ..TicketDraft::default()
    };
    let id = TicketId::new(fresh_id());
    let request = RegisterTicket::admission(capacity, draft);
    register(store, (id, "acme"), &request, Timestamp::from_micros(1_000)).await;
    id
}

/// Puts one ticket of an organizer on sale.
pub(crate) async fn register(
    store: &SeaOrmTicketStore,
    (id, organizer): (TicketId, &str),
    request: &RegisterTicket,
    at: Timestamp,
) {
    let organizer = OrganizerId::new(organizer).unwrap_or_else(|error| panic!("{error}"));
    let listing = Ticket::register(id, (organizer, Locale::Ko), request, at);
    let listing = listing.unwrap_or_else(|error| panic!("{error}"));
    let change = TicketChange {
        ticket: listing.ticket,
        expected_revision: 0,
        capacities: request.slots(),
        nights: None,
        events: Vec::new(),
        caused_by: None,
        reply: ReplyChange::None,
    };
    assert_eq!(store.commit(change).await, Ok(Committed::Done));
}

/// The process of one of the running servers.
pub(crate) fn database_processes(name: &str) -> Vec<(String, u32)> {
    let running = servers::running_servers().unwrap_or_else(|error| panic!("{error}"));
    running.processes.into_iter().filter(|(server, _)| server == name).collect()
}

/// Ordered by time, as those of the platform are.
#[expect(clippy::disallowed_methods, reason = "a benchmark has no clock of its own to hand")]
pub(crate) fn fresh_id() -> Uuid {
    uuid::Uuid::now_v7()
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
