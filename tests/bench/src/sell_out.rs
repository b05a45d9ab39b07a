//! A sale to its end: buyers hold and buy until nothing is left, over one, two and three servers of one database. What
//! is sold is exactly what there was, and the ledger adds up to it; how fast that was stands beside it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use contract::Engine;
use grpc_ticket::envelope;
use kernel::TicketId;
use sea_orm_database::Batching;
use sea_orm_ticket::{SeaOrmTicketStore, migrations};
use ticket::{
    HoldStep, SlotCounts, StockCommand, StockOrder, StockRefusal, StockStore, StockVerdict, fold,
};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::figures::SOLD_OUT_TAIL;
use crate::in_server::{Stage, order, ordered};
use crate::measurement::{Measurement, told, worst};
use crate::plan::Plan;
use crate::processor::Watch;
use crate::ratios::{Spread, undisturbed};
use crate::report::Found;

/// No multiple of what buyers ask for.
const STOCK: i64 = 50_021;
const STOCK_OF_A_TRIAL: i64 = 2_021;
const CALLERS: u16 = 256;
const UNITS_MAX: u32 = 4;
/// Two thousand who come at once for a hundred.
const CROWD: u16 = 2_000;
const FEW: i64 = 100;
/// After a refusal for want of room, as callers do.
const LATER: Duration = Duration::from_millis(20);
const ENGINES: [(Engine, &str); 3] =
    [(Engine::Postgres, "PostgreSQL"), (Engine::MariaDb, "MariaDB"), (Engine::Sqlite, "SQLite")];

/// Sells out; a file has one server.
pub(crate) async fn compare(plan: &Plan) -> Found {
    let mut found = Found::default();
    let stock = if plan.smoke { STOCK_OF_A_TRIAL } else { STOCK };
    let callers = plan.callers.unwrap_or(CALLERS);
    let rounds = plan.rounds();
    let mut slowest = Vec::new();
    for round in 1..=rounds {
        let mut tails = Vec::new();
        for (engine, name) in ENGINES {
            let servers_max = if engine == Engine::Sqlite { 1 } else { 3 };
            for servers in 1..=servers_max {
                let step =
                    |what: &str| format!("round {round}: {what} over {name}, {servers} servers");
                let sold = async || {
                    told(Sale::begin(engine, stock, servers).await.sell_out(callers).await)
                };
                let sold = undisturbed(rounds, sold).await;
                found.measured(step(&format!("{stock} units")), &sold, []);
                let refused = async || {
                    told(Sale::begin(engine, FEW, servers).await.refuse_the_others().await)
                };
                let refused = undisturbed(rounds, refused).await;
                tails.push(refused.p99_ms);
                found.measured(step("sold-out answers"), &refused, []);
            }
        }
        // The slowest of them counts.
        slowest.push(worst(tails));
    }
    found.claims.push(SOLD_OUT_TAIL.claimed(Spread::of(slowest)));
    found
}

/// One ticket, and servers that share its database, each with connections of its own.
struct Sale {
    stage: Stage,
    stores: Vec<Arc<SeaOrmTicketStore>>,
    stock: i64,
}

impl Sale {
    async fn begin(engine: Engine, stock: i64, servers: usize) -> Self {
        let stage = Stage::set_up(engine, Batching::On, stock).await;
        let mut stores = vec![Arc::clone(&stage.store)];
        while stores.len() < servers {
            let db = stage.fresh.open_again(migrations()).await;
            stores.push(Arc::new(SeaOrmTicketStore::new(db, envelope, Batching::On)));
        }
        Self { stage, stores, stock }
    }

    /// Until each buyer is refused a single unit.
    async fn sell_out(self, callers: u16) -> Measurement {
        let watch = Watch::begin(self.stage.processes());
        let begun = Instant::now();
        let mut buying = JoinSet::new();
        // What is asked for falls with the stock: units do not come back in this sale.
        let most = Arc::new(AtomicU32::new(UNITS_MAX));
        for (number, store) in (0..callers).zip(self.stores.iter().cycle()) {
            let buyer = Buyer { store: Arc::clone(store), number, most: Arc::clone(&most) };
            buying.spawn(buyer.buy(self.stage.ticket));
        }
        let bought: Vec<_> = buying.join_all().await.into_iter().flatten().collect();
        let (took, used) = (begun.elapsed(), watch.end());
        let units = bought.iter().map(|(units, _)| i64::from(*units)).sum();
        let all = SlotCounts { held: 0, sold: self.stock };
        self.prove(all, units).await;
        let waits = bought.into_iter().map(|(_, waited)| waited).collect();
        Measurement::of(waits, 0, took, &used)
    }

    /// A crowd that comes at once, each for one unit; measures those who are told that it is sold out.
    async fn refuse_the_others(self) -> Measurement {
        let watch = Watch::begin(self.stage.processes());
        let begun = Instant::now();
        let mut asking = JoinSet::new();
        for (number, store) in (0..CROWD).zip(self.stores.iter().cycle()) {
            let (store, (_, order)) = (Arc::clone(store), order(self.stage.ticket, number, 1));
            asking.spawn(async move { (answered(&store, order).await, begun.elapsed()) });
        }
        let answers = asking.join_all().await;
        let (took, used) = (begun.elapsed(), watch.end());
        let held = answers.iter().filter(|(verdict, _)| verdict.is_ok()).count();
        let all = SlotCounts { held: self.stock, sold: 0 };
        self.prove(all, i64::try_from(held).unwrap_or(i64::MAX)).await;
        let refused = answers.into_iter().filter(|(verdict, _)| verdict.is_err());
        Measurement::of(refused.map(|(_, waited)| waited).collect(), 0, took, &used)
    }

    /// The counters, the ledger and the answers agree.
    async fn prove(self, expected: SlotCounts, answered: i64) {
        let held: i64 = self.stage.fresh.value("SELECT held FROM stock").await;
        let sold: i64 = self.stage.fresh.value("SELECT sold FROM stock").await;
        assert_eq!(SlotCounts { held, sold }, expected, "counters");
        assert_eq!(answered, held + sold, "units answered for, and counted");
        let ledger = self.stage.store.ledger(self.stage.ticket).await;
        let ledger = ledger.unwrap_or_else(|error| panic!("{error}"));
        let folded: Vec<_> = fold(&ledger).into_values().collect();
        assert_eq!(folded, [expected], "what the ledger adds up to");
        self.stage.close().await;
    }
}

struct Buyer {
    store: Arc<SeaOrmTicketStore>,
    number: u16,
    most: Arc<AtomicU32>,
}

impl Buyer {
    /// Gives what was bought, each time how much and how long it took.
    async fn buy(self, ticket: TicketId) -> Vec<(u32, Duration)> {
        let mut bought = Vec::new();
        for turn in u32::from(self.number).. {
            let most = self.most.load(Ordering::Relaxed);
            if most == 0 {
                break;
            }
            let units = 1 + turn % most;
            let begun = Instant::now();
            let (hold_id, hold) = order(ticket, self.number, units);
            match answered(&self.store, hold).await {
                Ok(_) => {
                    let commit = ordered(StockCommand::Step(hold_id, HoldStep::Commit));
                    let committed = answered(&self.store, commit).await;
                    committed.unwrap_or_else(|refused| panic!("a held unit is sold: {refused}"));
                    bought.push((units, begun.elapsed()));
                }
                Err(StockRefusal::SoldOut) => {
                    self.most.fetch_min(units - 1, Ordering::Relaxed);
                }
                Err(refused) => panic!("{refused}"),
            }
        }
        bought
    }
}

/// The definite answer to an order. One that failed is asked again: the same one has one effect.
async fn answered(store: &SeaOrmTicketStore, order: StockOrder) -> StockVerdict {
    loop {
        match store.execute(vec![order.clone()]).await {
            Ok(verdicts) => {
                let verdict = verdicts.into_iter().next();
                return verdict.unwrap_or_else(|| panic!("an order without an answer"));
            }
            Err(_later) => sleep(LATER).await,
        }
    }
}
