//! The outbox as a queue: reading what is unpublished, marking what was published or failed.

use std::collections::HashSet;
use std::time::Duration;

use kernel::{Envelope, EventId, StoreError, Timestamp, Uuid};
use sea_orm::sea_query::{Expr, ExprTrait, Func, Order, Query, SelectStatement, UpdateStatement};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, QueryResult};

use crate::engine::{database_now, now_expr};
use crate::envelope::{envelope, envelope_columns};
use crate::rows::filled;
use crate::tables::Outbox;
use crate::unit_of_work::{TxError, Wake, unavailable};
use crate::{Database, Lease};

const ERROR_CHARS_MAX: usize = 1000;
/// Messages that are read at once: of all lanes, with as many that wait.
const PAGE_ROWS: usize = 1000;

/// One unpublished message.
pub(super) struct Pending {
    pub(super) seq: i64,
    pub(super) attempts: u32,
    /// How often the bus has refused this very message.
    pub(super) refusals: u32,
    /// It was published before, and somebody wants it told again.
    pub(super) told_again: bool,
    pub(super) next_attempt_at: Timestamp,
    pub(super) message: Envelope,
}

/// A message that the bus did not take.
pub(super) struct Failure {
    pub(super) seq: i64,
    pub(super) error: String,
    pub(super) retry_in: Duration,
    pub(super) refused: bool,
    /// It is set aside, and its aggregate waits for an operator.
    pub(super) park: bool,
}

impl Failure {
    fn unreadable(seq: i64, error: &StoreError) -> Self {
        let retry_in = Duration::ZERO;
        Self { seq, error: error.to_string(), retry_in, refused: true, park: true }
    }
}

/// How far publishing is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxLag {
    /// Messages not yet published.
    pub unpublished: u64,
    /// Since when the oldest of them waits.
    pub oldest_age: Duration,
}

impl Database {
    /// How far publishing is behind, for readiness and metrics.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database failed.
    pub async fn outbox_lag(&self) -> Result<OutboxLag, StoreError> {
        read_lag(self).await.map_err(unavailable("measuring the outbox lag"))
    }
}

/// The aggregates that wait behind a message that was set aside, once for each, at most so many. Asked for by themselves, and by the
/// order of their index: what is hardly ever there must not cost a look at everything that was published.
pub(super) async fn read_waiting(db: &Database, rows_max: u64) -> Result<Vec<String>, StoreError> {
    let doing = "reading what waits behind messages that were set aside";
    let query = Query::select()
        .column(Outbox::AggregateId)
        .from(Outbox::Table)
        .and_where(Expr::col(Outbox::ParkedAtUs).is_not_null())
        .order_by(Outbox::ParkedAtUs, Order::Asc)
        .limit(rows_max)
        .to_owned();
    let rows = db.reader().query_all(&query).await.map_err(unavailable(doing))?;
    rows.iter().map(|row| row.try_get_by_index(0).map_err(unavailable(doing))).collect()
}

/// The oldest messages that are to be published, in order.
#[derive(Default)]
pub(super) struct Unpublished {
    pub(super) messages: Vec<Pending>,
    /// Those among them that cannot be read, to be set aside.
    pub(super) unreadable: Vec<Failure>,
    /// Whether more may wait behind them.
    pub(super) is_cut: bool,
}

/// The oldest unpublished messages, except those of the lanes `apart`, which hold all that waits behind a message that
/// was set aside if `are_all_known`. A plain read without locks: locking reads would block the writers of the outbox
/// (F13).
///
/// The lanes apart are left out here: for each of very many messages the database would compare with each of them. Only
/// where that leaves less than half of `wanted`, and more waits, the database leaves them out.
pub(super) async fn read_unpublished(
    db: &Database,
    apart: &HashSet<&str>,
    are_all_known: bool,
    wanted: usize,
) -> Result<Unpublished, StoreError> {
    if are_all_known {
        let found = read_page(db, &oldest(), apart).await?;
        let enough = (wanted / 2).max(1);
        if !found.is_cut || found.messages.len() + found.unreadable.len() >= enough {
            return Ok(found);
        }
    }
    let mut query = oldest();
    if !are_all_known {
        let behind = Query::select()
            .column(Outbox::AggregateId)
            .from(Outbox::Table)
            .and_where(Expr::col(Outbox::ParkedAtUs).is_not_null())
            .to_owned();
        query.and_where(Expr::col(Outbox::AggregateId).not_in_subquery(behind));
    }
    if !apart.is_empty() {
        let apart = filled(apart.iter().copied());
        query.and_where(Expr::col(Outbox::AggregateId).is_not_in(apart));
    }
    read_page(db, &query, &HashSet::new()).await
}

/// In the order of the index, which is that of the messages: of what is unpublished all have the same time. By the number
/// alone PostgreSQL would sort everything that waits.
fn oldest() -> SelectStatement {
    Query::select()
        .columns([
            Outbox::Seq,
            Outbox::Id,
            Outbox::Attempts,
            Outbox::Refusals,
            Outbox::ToldAgain,
            Outbox::NextAttemptAtUs,
        ])
        .columns(envelope_columns())
        .from(Outbox::Table)
        .and_where(Expr::col(Outbox::PublishedAtUs).is_null())
        .order_by(Outbox::PublishedAtUs, Order::Asc)
        .order_by(Outbox::Seq, Order::Asc)
        .limit(PAGE_ROWS as u64)
        .to_owned()
}

async fn read_page(
    db: &Database,
    query: &SelectStatement,
    apart: &HashSet<&str>,
) -> Result<Unpublished, StoreError> {
    let doing = "reading the outbox";
    let rows = db.reader().query_all(query).await.map_err(unavailable(doing))?;
    let mut found = Unpublished { is_cut: rows.len() >= PAGE_ROWS, ..Unpublished::default() };
    // Each is dropped once it is copied: payloads may be large.
    for row in rows {
        let aggregate: Result<String, _> = row.try_get("", "aggregate_id");
        if aggregate.is_ok_and(|id| apart.contains(id.as_str())) {
            continue;
        }
        let seq: i64 = row.try_get("", "seq").map_err(unavailable(doing))?;
        match pending(&row, seq) {
            Ok(pending) => found.messages.push(pending),
            Err(error) => found.unreadable.push(Failure::unreadable(seq, &error)),
        }
    }
    Ok(found)
}

/// Marks messages as published and failed ones for another attempt; `false`, with nothing marked, if
/// somebody else leads.
pub(super) async fn mark(
    db: &Database,
    lease: &Lease,
    published: Vec<i64>,
    failures: Vec<Failure>,
) -> Result<bool, StoreError> {
    let backend = db.writer().get_database_backend();
    let mut updates: Vec<UpdateStatement> =
        failures.into_iter().map(|failure| failed(failure, now_expr(backend))).collect();
    if !published.is_empty() {
        updates.push(
            Query::update()
                .table(Outbox::Table)
                .value(Outbox::PublishedAtUs, now_expr(backend))
                .and_where(Expr::col(Outbox::Seq).is_in(filled(published)))
                .and_where(Expr::col(Outbox::PublishedAtUs).is_null())
                .to_owned(),
        );
    }
    let lease = lease.clone();
    let marked = db.transact("marking messages as published", Wake::Nobody, move |tx| {
        let (lease, updates) = (lease.clone(), updates.clone());
        Box::pin(async move { mark_if_leading(tx, &lease, &updates).await })
    });
    Ok(marked.await?.unwrap_or(false))
}

async fn mark_if_leading(
    tx: &DatabaseTransaction,
    lease: &Lease,
    updates: &[UpdateStatement],
) -> Result<bool, TxError> {
    if !lease.is_held(tx).await? {
        return Ok(false);
    }
    for update in updates {
        tx.execute(update).await?;
    }
    Ok(true)
}

fn failed(failure: Failure, now: Expr) -> UpdateStatement {
    let retry_in_us = i64::try_from(failure.retry_in.as_micros()).unwrap_or(i64::MAX / 2);
    let error: String = failure.error.chars().take(ERROR_CHARS_MAX).collect();
    let mut update = Query::update();
    update
        .table(Outbox::Table)
        .value(Outbox::Attempts, Expr::col(Outbox::Attempts).add(1))
        .value(Outbox::LastError, error)
        .value(Outbox::NextAttemptAtUs, now.clone().add(retry_in_us))
        .and_where(Expr::col(Outbox::Seq).eq(failure.seq));
    if failure.refused {
        update.value(Outbox::Refusals, Expr::col(Outbox::Refusals).add(1));
    }
    if failure.park {
        update.value(Outbox::ParkedAtUs, now);
    }
    update
}

fn pending(row: &QueryResult, seq: i64) -> Result<Pending, StoreError> {
    let corrupt = |column| StoreError::CorruptRow { table: "outbox", id: seq.to_string(), column };
    let id: String = row.try_get("", "id").map_err(|_| corrupt("id"))?;
    let id = Uuid::try_parse(&id).map_err(|_| corrupt("id"))?;
    pending_with_id(row, seq, EventId::new(id)).map_err(|_| corrupt("one of its columns"))
}

fn pending_with_id(row: &QueryResult, seq: i64, id: EventId) -> Result<Pending, DbErr> {
    let attempts: i32 = row.try_get("", "attempts")?;
    let refusals: i32 = row.try_get("", "refusals")?;
    let told_again: i32 = row.try_get("", "told_again")?;
    Ok(Pending {
        seq,
        attempts: u32::try_from(attempts).unwrap_or(0),
        refusals: u32::try_from(refusals).unwrap_or(0),
        told_again: told_again != 0,
        next_attempt_at: Timestamp::from_micros(row.try_get("", "next_attempt_at_us")?),
        message: envelope(row, id)?,
    })
}

async fn read_lag(db: &Database) -> Result<OutboxLag, DbErr> {
    let query = Query::select()
        .expr_as(Func::count(Expr::col(Outbox::Seq)), "unpublished")
        .expr_as(Func::min(Expr::col(Outbox::CreatedAtUs)), "oldest_us")
        .from(Outbox::Table)
        .and_where(Expr::col(Outbox::PublishedAtUs).is_null())
        .to_owned();
    let now = database_now(db.reader()).await?;
    let row = db.reader().query_one(&query).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("the outbox lag".to_owned()))?;
    let unpublished: i64 = row.try_get("", "unpublished")?;
    let oldest_us: Option<i64> = row.try_get("", "oldest_us")?;
    let oldest_age = oldest_us.map(|us| now.since(Timestamp::from_micros(us)));
    Ok(OutboxLag {
        unpublished: u64::try_from(unpublished).unwrap_or(0),
        oldest_age: oldest_age.unwrap_or_default(),
    })
}
