//! What a database tells of itself as numbers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use kernel::{Committed, StoreError};
use sea_orm::{DbErr, RuntimeErr, sqlx};
use sea_orm_database::{TxError, count_at_commit};
use telemetry_metrics::names::HOLDS;
use telemetry_metrics::{Format, render};

use crate::support::{Engine, scene};

fn shown(line: &str) -> bool {
    render(Format::Prometheus).lines().any(|shown| shown.starts_with(line))
}

#[tokio::test]
async fn m02_only_a_commit_counts() {
    let scene = scene(Engine::Sqlite).await;
    let ending = scene.db.commit("aborting", |_| {
        count_at_commit(&HOLDS, "tested_abort");
        Box::pin(async { Err(TxError::Abort(Committed::Stale)) })
    });
    assert_eq!(ending.await, Ok(Committed::Stale));
    assert!(!shown("holds_total{outcome=\"tested_abort\"}"));

    let runs = Arc::new(AtomicU32::new(0));
    let counted = runs.clone();
    let written = scene.db.write("passing", move |_| {
        count_at_commit(&HOLDS, "tested_run");
        let run = counted.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move { if run < 2 { Err(busy().into()) } else { Ok(()) } })
    });
    assert_eq!((written.await, runs.load(Ordering::SeqCst)), (Ok(()), 3));
    assert!(shown("holds_total{outcome=\"tested_run\"} 1"), "once for all its runs");
}

/// What a run ends with that is worth another.
fn busy() -> DbErr {
    let error = sqlx::Error::Protocol("the line is bad".to_owned());
    DbErr::Exec(RuntimeErr::SqlxError(Arc::new(error)))
}

#[tokio::test]
async fn m03_a_database_that_is_away_has_no_numbers() {
    let scene = scene(Engine::Sqlite).await;
    let db = scene.db.clone().named("measured");
    assert!(shown("db_transactions_total{database=\"measured\",outcome=\"failed\"} 0"));
    assert_eq!(db.measure().await, Ok(()));
    let gauges =
        ["outbox_unpublished", "outbox_oldest_age_seconds", "outbox_parked", "dead_letters"];
    for gauge in gauges {
        assert!(shown(&format!("{gauge}{{database=\"measured\"}} 0.0")), "{gauge}");
    }
    db.close().await;
    assert!(matches!(db.measure().await, Err(StoreError::Unavailable { .. })));
    for gauge in gauges {
        assert!(!shown(&format!("{gauge}{{database=\"measured\"}}")), "{gauge} of long ago");
    }
}
