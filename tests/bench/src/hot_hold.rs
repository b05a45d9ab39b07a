//! Holds of one hot ticket, in the server: orders that come at once share transactions, against a transaction each.
//! Both over the same pool of connections to a database that writes to disk before it answers.

use contract::Engine;
use sea_orm_database::Batching;

use crate::figures::{
    Figure, HOT_HOLD_256, HOT_HOLD_1024, HOT_HOLD_ALONE, HOT_HOLD_MARIADB, HOT_HOLD_SQLITE,
    HOT_HOLD_TAIL,
};
use crate::in_server::{PLENTY, Stage};
use crate::measurement::Measurement;
use crate::plan::Plan;
use crate::ratios::{Comparison, alternated};
use crate::report::Found;

const CASES: [(Engine, &str, u16, Option<Figure>); 6] = [
    (Engine::Postgres, "PostgreSQL", 1, Some(HOT_HOLD_ALONE)),
    (Engine::Postgres, "PostgreSQL", 256, Some(HOT_HOLD_256)),
    (Engine::Postgres, "PostgreSQL", 1024, Some(HOT_HOLD_1024)),
    (Engine::MariaDb, "MariaDB", 1, None),
    (Engine::MariaDb, "MariaDB", 256, Some(HOT_HOLD_MARIADB)),
    (Engine::Sqlite, "SQLite", 256, Some(HOT_HOLD_SQLITE)),
];

/// Measures pairs over each engine and with several crowds.
pub(crate) async fn compare(plan: &Plan) -> Found {
    let mut found = Found::default();
    for (engine, name, callers, figure) in CASES {
        let tail = (figure == Some(HOT_HOLD_256)).then_some(HOT_HOLD_TAIL);
        if !plan.takes(callers, 256) {
            found.leave_out(figure.into_iter().chain(tail), "not among the cases asked for");
            continue;
        }
        let name = format!("hot-hold over {name}");
        println!("{name}, {callers} callers");
        let measured = async |batching: &Batching| measure(engine, *batching, callers, plan).await;
        let sides = [("row lock", &Batching::Off), ("batched", &Batching::On)];
        let comparison = Comparison {
            name,
            callers,
            baseline: "row lock",
            ours: "batched",
            pairs: alternated(plan.rounds(), sides, measured).await,
        };
        let rate = figure.map(|figure| comparison.claim(figure, |measured| measured.per_second));
        let tail = tail.map(|tail| comparison.claim(tail, |measured| measured.p99_ms));
        found.claims.extend(rate.into_iter().chain(tail));
        found.comparisons.push(comparison);
    }
    found
}

/// Over fresh tables: those that have grown would tell of the order of the measurements.
pub(crate) async fn measure(
    engine: Engine,
    batching: Batching,
    callers: u16,
    plan: &Plan,
) -> Measurement {
    let stage = Stage::set_up(engine, batching, PLENTY).await;
    let measured = stage.measure(&[stage.ticket].into(), callers, plan.time()).await;
    stage.close().await;
    measured
}
