//! Holds of one hot ticket, in the server: orders that come at once share transactions, against a transaction each.
//! Both over the same pool of connections to a database that writes to disk before it answers.

use std::sync::Arc;
use std::time::Duration;

use contract::{Engine, Fresh};
use grpc_ticket::envelope;
use kernel::{
    BuyerId, Committed, Currency, EventId, HoldId, Locale, Money, OrganizerId, Quantity,
    ReplyChange, TicketId, Timestamp, Uuid,
};
use procfs::process::Process;
use sea_orm_database::Batching;
use sea_orm_ticket::{SeaOrmTicketStore, migrations};
use ticket::{
    Allocation, HoldRequest, Lines, RegisterTicket, Slot, SlotCapacity, StockCommand, StockOrder,
    StockOutcome, StockStore, Ticket, TicketChange, TicketDraft, TicketKind, TicketStore,
};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::Plan;
use crate::measurement::Measurement;
use crate::ratios::{Comparison, alternated};

const CAPACITY: i64 = 10_000_000;
const WARM_UP: Duration = Duration::from_secs(1);
/// After a refusal for want of room, as callers do.
const LATER: Duration = Duration::from_millis(20);
const CASES: [(Engine, &str, u16); 6] = [
    (Engine::Postgres, "hot-hold-postgres", 1),
    (Engine::Postgres, "hot-hold-postgres", 256),
    (Engine::Postgres, "hot-hold-postgres", 1024),
    (Engine::MariaDb, "hot-hold-mariadb", 1),
    (Engine::MariaDb, "hot-hold-mariadb", 256),
    (Engine::Sqlite, "hot-hold-sqlite", 256),
];

/// Measures pairs over each engine and with several crowds.
pub(crate) async fn compare(plan: &Plan) -> Vec<Comparison> {
    let mut comparisons = Vec::new();
    let chosen = |callers: u16| plan.callers.is_none_or(|chosen| chosen == callers);
    for (engine, benchmark, callers) in CASES.into_iter().filter(|(.., callers)| chosen(*callers)) {
        println!("{benchmark}, {callers} callers");
        let measured =
            async |batching: &Batching| measure(engine, *batching, callers, plan.time()).await;
        let sides = [("row lock", &Batching::Off), ("batched", &Batching::On)];
        comparisons.push(Comparison {
            benchmark: benchmark.to_owned(),
            callers,
            baseline: "row lock",
            ours: "batched",
            pairs: alternated(plan.rounds, sides, measured).await,
        });
    }
    comparisons
}

async fn measure(engine: Engine, batching: Batching, callers: u16, time: Duration) -> Measurement {
    let fresh = Fresh::new(engine, migrations()).await;
    let store = Arc::new(SeaOrmTicketStore::new(fresh.db.clone(), envelope, batching));
    let ticket = on_sale(&store).await;
    let measured_from = Instant::now() + WARM_UP;
    let mut calling = JoinSet::new();
    for caller in 0..callers {
        let store = Arc::clone(&store);
        calling.spawn(async move { call(&store, ticket, caller, measured_from, time).await });
    }
    sleep(WARM_UP).await;
    let cpu_before = cpu_used();
    sleep(time).await;
    let cpu = cpu_used().saturating_sub(cpu_before);
    let calls: Vec<Calls> = calling.join_all().await;
    let held: usize = calls.iter().map(|calls| calls.held).sum();
    // Only what is found afterwards counts.
    let (rows, counted): (i64, i64) = (
        fresh.value("SELECT COUNT(*) FROM hold").await,
        fresh.value("SELECT held FROM stock").await,
    );
    assert_eq!((rows, counted), (number(held), number(held)), "rows, units held, and answers");
    fresh.db.close().await;
    let failed = calls.iter().map(|calls| calls.failed).sum();
    Measurement::of(calls.into_iter().flat_map(|calls| calls.waits).collect(), failed, time, cpu)
}

#[derive(Default)]
struct Calls {
    waits: Vec<Duration>,
    held: usize,
    failed: usize,
}

async fn call(
    store: &SeaOrmTicketStore,
    ticket: TicketId,
    caller: u16,
    measured_from: Instant,
    time: Duration,
) -> Calls {
    let mut calls = Calls::default();
    while measured_from.elapsed() < time {
        let begun = Instant::now();
        let answered = store.execute(vec![order(ticket, caller)]).await;
        let measured = begun >= measured_from && measured_from.elapsed() < time;
        match answered.as_deref() {
            Ok([Ok(StockOutcome::Hold(_))]) => {
                calls.held += 1;
                calls.waits.extend(measured.then(|| begun.elapsed()));
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

fn order(ticket_id: TicketId, caller: u16) -> StockOrder {
    let name = format!("buyer-{caller}");
    let buyer_id = BuyerId::new(name).unwrap_or_else(|error| panic!("{error}"));
    let one = Quantity::new(1).unwrap_or_else(|error| panic!("{error}"));
    StockOrder {
        command: StockCommand::Hold(HoldRequest {
            hold_id: HoldId::new(fresh_id()),
            ticket_id,
            buyer_id,
            lines: Lines::from([(Slot::Admission, one)]),
            expected_total: None,
            pinned: true,
            surely_new: true,
        }),
        event_id: EventId::new(fresh_id()),
        causation_id: None,
    }
}

async fn on_sale(store: &SeaOrmTicketStore) -> TicketId {
    let won = Currency::from_code("KRW").unwrap_or_else(|error| panic!("{error}"));
    let draft = TicketDraft {
        name: "Concert".to_owned(),
        unit_price: Some(Money::from_minor(1_000, won)),
        ..TicketDraft::default()
    };
    let request = RegisterTicket {
        kind: TicketKind::Admission,
        allocation: Allocation::HoldFirst,
        capacity: CAPACITY,
        draft,
    };
    let organizer = OrganizerId::new("acme").unwrap_or_else(|error| panic!("{error}"));
    let (id, begun) = (TicketId::new(fresh_id()), Timestamp::from_micros(1_000));
    let listing = Ticket::register(id, (organizer, Locale::Ko), &request, begun);
    let listing = listing.unwrap_or_else(|error| panic!("{error}"));
    let capacities =
        vec![SlotCapacity { slot: Slot::Admission, capacity: listing.stock.capacity() }];
    let change = TicketChange {
        ticket: listing.ticket,
        expected_revision: 0,
        capacities,
        events: Vec::new(),
        caused_by: None,
        reply: ReplyChange::None,
    };
    assert_eq!(store.commit(change).await, Ok(Committed::Done));
    id
}

/// Ordered by time, as those of the platform are.
#[expect(clippy::disallowed_methods, reason = "a benchmark has no clock of its own to hand")]
fn fresh_id() -> Uuid {
    uuid::Uuid::now_v7()
}

fn cpu_used() -> Duration {
    let used = || {
        let stat = Process::myself()?.stat()?;
        Ok::<_, procfs::ProcError>((stat.utime + stat.stime) * 1_000 / procfs::ticks_per_second())
    };
    Duration::from_millis(used().unwrap_or_else(|error| panic!("{error}")))
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
