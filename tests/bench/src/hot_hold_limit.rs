//! Holds of one hot ticket against what the database can do at all: PostgreSQL's own load generator over the fewest
//! tables, 256 a transaction, with nobody who decides, answers or is told.

use contract::{Engine, Fresh};
use sea_orm_database::Batching;

use crate::figures::HOT_HOLD_LIMIT;
use crate::hot_hold;
use crate::measurement::Measurement;
use crate::pgbench::{self, Script};
use crate::plan::Plan;
use crate::ratios::{Comparison, alternated};
use crate::report::Found;

const CALLERS: u16 = 256;
/// One commits while the next one prepares.
const CONNECTIONS: u16 = 4;
const LIMIT: Script = Script {
    tables: include_str!("../sql/limit_tables.sql"),
    transaction: include_str!("../sql/limit.sql"),
    counted: "SELECT COUNT(*) FROM place",
};

/// Measures pairs.
pub(crate) async fn compare(plan: &Plan) -> Found {
    let callers = plan.callers.unwrap_or(CALLERS);
    let measured = async |ours: &bool| {
        if *ours {
            return hot_hold::measure(Engine::Postgres, Batching::On, callers, plan).await;
        }
        limit(plan).await
    };
    let comparison = Comparison {
        name: "hot-hold-limit".to_owned(),
        callers,
        baseline: "pgbench",
        ours: "batched",
        pairs: alternated(plan.rounds(), [("pgbench", &false), ("batched", &true)], measured).await,
    };
    let claim = comparison.claim(HOT_HOLD_LIMIT, |measured| measured.per_second);
    Found { comparisons: vec![comparison], claims: vec![claim], ..Found::default() }
}

async fn limit(plan: &Plan) -> Measurement {
    let fresh = Fresh::new(Engine::Postgres, Vec::new()).await;
    let measured = pgbench::measure(&fresh, LIMIT, CONNECTIONS, plan.time()).await;
    fresh.db.close().await;
    measured
}
