//! Retention: what has served its purpose is deleted, a little at a time.

use std::time::Duration;

use kernel::{StoreError, Timestamp};
use sea_orm::sea_query::{DynIden, Expr, ExprTrait, IntoIden, Order, Query};
use sea_orm::{ConnectionTrait, DbErr};

use crate::Database;
use crate::tables::{Inbox, Outbox, Reply};
use crate::unit_of_work::{Wake, unavailable};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const OUTBOX_DAYS: u32 = 7;
/// Longer than any message can still be on its way (trap R42).
const INBOX_DAYS: u32 = 14;
const REPLY_DAYS: u32 = 7;
// Clients are promised a day in which their key means the same call.
const _: () = assert!(REPLY_DAYS >= 1);
const _: () = assert!(INBOX_DAYS > OUTBOX_DAYS);
const CHUNK_ROWS: u64 = 1000;

impl Database {
    /// Deletes published messages and reply records older than 7 days and marks of handled messages
    /// older than 14 days, in chunks so that nobody waits long for the writer. Returns the number of
    /// rows deleted. Unpublished messages, dead letters and the operators' log stay for ever.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database failed; what was deleted stays deleted.
    pub async fn prune(&self, now: Timestamp) -> Result<u64, StoreError> {
        let kept = [
            (Outbox::Table.into_iden(), Outbox::PublishedAtUs.into_iden(), OUTBOX_DAYS),
            (Inbox::Table.into_iden(), Inbox::ProcessedAtUs.into_iden(), INBOX_DAYS),
            (Reply::Table.into_iden(), Reply::CreatedAtUs.into_iden(), REPLY_DAYS),
        ];
        let mut deleted = 0;
        for (table, age_column, days) in kept {
            let age_us = i64::try_from((DAY * days).as_micros()).unwrap_or(i64::MAX);
            let horizon_us = now.as_micros().saturating_sub(age_us);
            deleted += prune_table(self, table, age_column, horizon_us).await?;
        }
        Ok(deleted)
    }
}

async fn prune_table(
    db: &Database,
    table: DynIden,
    age_column: DynIden,
    horizon_us: i64,
) -> Result<u64, StoreError> {
    let mut deleted = 0;
    loop {
        let last_us = last_of_chunk(db, &table, &age_column, horizon_us)
            .await
            .map_err(unavailable("looking for old rows"))?;
        deleted += delete_until(db, &table, &age_column, last_us.unwrap_or(horizon_us)).await?;
        if last_us.is_none() {
            return Ok(deleted);
        }
    }
}

/// The time of the last row of a full chunk; `None` if what is left is less than a chunk.
/// (A limit within DELETE or its subquery is not portable.)
async fn last_of_chunk(
    db: &Database,
    table: &DynIden,
    age_column: &DynIden,
    horizon_us: i64,
) -> Result<Option<i64>, DbErr> {
    let query = Query::select()
        .expr_as(Expr::col(age_column.clone()), "last_us")
        .from(table.clone())
        .and_where(Expr::col(age_column.clone()).lt(horizon_us))
        .order_by(age_column.clone(), Order::Asc)
        .limit(1)
        .offset(CHUNK_ROWS - 1)
        .to_owned();
    let row = db.reader().query_one(&query).await?;
    row.map(|row| row.try_get("", "last_us")).transpose()
}

async fn delete_until(
    db: &Database,
    table: &DynIden,
    age_column: &DynIden,
    last_us: i64,
) -> Result<u64, StoreError> {
    let delete = Query::delete()
        .from_table(table.clone())
        .and_where(Expr::col(age_column.clone()).lte(last_us))
        .to_owned();
    let deleted = db.transact("deleting old rows", Wake::Nobody, move |tx| {
        let delete = delete.clone();
        Box::pin(async move { Ok(tx.execute(&delete).await?.rows_affected()) })
    });
    Ok(deleted.await?.unwrap_or(0))
}
