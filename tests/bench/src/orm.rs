//! What portability costs: batches of 256 holds as the store writes them on any engine, against one statement of
//! PostgreSQL's own over the same tables. One caller each, so that nothing but the batch is measured.

use std::time::Duration;

use contract::Engine;
use sea_orm_database::Batching;
use ticket::StockStore;
use tokio::time::Instant;

use crate::figures::PORTABLE_BATCH;
use crate::in_server::{PLENTY, Stage, order};
use crate::measurement::Measurement;
use crate::pgbench::{self, Script};
use crate::plan::Plan;
use crate::processor::Watch;
use crate::ratios::{Comparison, alternated};
use crate::report::Found;

const BATCH: usize = 256;
const RAW: Script = Script {
    tables: include_str!("../sql/raw_tables.sql"),
    transaction: include_str!("../sql/raw.sql"),
    counted: COUNTED,
};
const COUNTED: &str = "SELECT COUNT(*) FROM hold";

/// Measures pairs.
pub(crate) async fn compare(plan: &Plan) -> Found {
    let measured = async |portable: &bool| {
        let stage = Stage::set_up(Engine::Postgres, Batching::On, PLENTY).await;
        let measured = if *portable {
            batches(&stage, plan.time()).await
        } else {
            pgbench::measure(&stage.fresh, RAW, 1, plan.time()).await
        };
        stage.close().await;
        measured
    };
    let comparison = Comparison {
        name: "orm, 256 holds a batch".to_owned(),
        callers: 1,
        baseline: "raw",
        ours: "portable",
        pairs: alternated(plan.rounds(), [("raw", &false), ("portable", &true)], measured).await,
    };
    let claim = comparison.claim(PORTABLE_BATCH, |measured| measured.per_second);
    Found { comparisons: vec![comparison], claims: vec![claim], ..Found::default() }
}

/// One batch after the other, each 256 holds that wait for as long as their batch.
async fn batches(stage: &Stage, time: Duration) -> Measurement {
    // Connections are made and statements prepared.
    let mut held = batch(stage).await.0;
    let watch = Watch::begin(stage.processes());
    let (begun, mut waits) = (Instant::now(), Vec::new());
    while begun.elapsed() < time {
        let (answered, took) = batch(stage).await;
        held += answered;
        waits.extend(std::iter::repeat_n(took, answered));
    }
    let (took, used) = (begun.elapsed(), watch.end());
    let rows: i64 = stage.fresh.value(COUNTED).await;
    assert_eq!(usize::try_from(rows), Ok(held), "rows and answers");
    Measurement::of(waits, 0, took, &used)
}

async fn batch(stage: &Stage) -> (usize, Duration) {
    let buyers = 0..u16::try_from(BATCH).unwrap_or(u16::MAX);
    let orders = buyers.map(|buyer| order(stage.ticket, buyer, 1).1).collect();
    let begun = Instant::now();
    let verdicts = stage.store.execute(orders).await.unwrap_or_else(|error| panic!("{error}"));
    let took = begun.elapsed();
    assert!(verdicts.iter().all(Result::is_ok), "there is enough for all: {verdicts:?}");
    (verdicts.len(), took)
}
