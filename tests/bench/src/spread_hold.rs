//! Holds of many tickets in the server: half of them of one that is hot, the others of ten thousand.

use std::sync::Arc;

use contract::Engine;
use kernel::{TicketId, Uuid};
use sea_orm_database::Batching;

use crate::figures::SPREAD_HOLD;
use crate::in_server::{PLENTY, Stage};
use crate::measurement::Measurement;
use crate::plan::Plan;
use crate::ratios::{Comparison, alternated};
use crate::report::Found;

const CALLERS: u16 = 256;
const OTHERS: u32 = 9_999;
/// What the others' identifiers begin with; their number follows.
const OTHERS_ID: &str = "00000000-0000-7000-8000-";

/// Measures pairs.
pub(crate) async fn compare(plan: &Plan) -> Found {
    let callers = plan.callers.unwrap_or(CALLERS);
    let measured = async |batching: &Batching| measure(*batching, callers, plan).await;
    let sides = [("row lock", &Batching::Off), ("batched", &Batching::On)];
    let comparison = Comparison {
        name: "spread-hold".to_owned(),
        callers,
        baseline: "row lock",
        ours: "batched",
        pairs: alternated(plan.rounds(), sides, measured).await,
    };
    let claim = comparison.claim(SPREAD_HOLD, |measured| measured.per_second);
    Found { comparisons: vec![comparison], claims: vec![claim], ..Found::default() }
}

async fn measure(batching: Batching, callers: u16, plan: &Plan) -> Measurement {
    let stage = Stage::set_up(Engine::Postgres, batching, PLENTY).await;
    let tickets = with_others(&stage).await;
    let measured = stage.measure(&tickets, callers, plan.time()).await;
    stage.close().await;
    measured
}

/// The hot ticket first. The others are copies of it, since ten thousand registrations take longer than what is
/// measured.
async fn with_others(stage: &Stage) -> Arc<[TicketId]> {
    for (table, id) in [("ticket", "id"), ("stock", "ticket_id")] {
        let copies = format!(
            "INSERT INTO {table} SELECT copy.* FROM {table} one, generate_series(1, {OTHERS}) number, \
             jsonb_populate_record(one, jsonb_build_object('{id}', '{OTHERS_ID}' || lpad(to_hex(number), 12, '0'))) copy"
        );
        stage.fresh.tamper(&copies).await.unwrap_or_else(|error| panic!("{error}"));
    }
    // A table that was empty a moment ago is read as if it still were.
    stage.fresh.tamper("ANALYZE").await.unwrap_or_else(|error| panic!("{error}"));
    let other = |number: u32| {
        let id = format!("{OTHERS_ID}{number:012x}");
        TicketId::new(Uuid::parse_str(&id).unwrap_or_else(|error| panic!("{id}: {error}")))
    };
    std::iter::once(stage.ticket).chain((1..=OTHERS).map(other)).collect()
}
