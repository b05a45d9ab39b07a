//! Leases: one holder at a time of a named role in a database, by the database's time (trap R43).

use std::time::Duration;

use kernel::{Committed, StoreError};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr};

use crate::Database;
use crate::engine::now_expr;
use crate::marks::{insert_unless_taken, malformed};
use crate::tables;
use crate::unit_of_work::{TxError, Wake};

/// The right to a role for a while. It may be lost without notice: [`Lease::renew`] and
/// [`Lease::is_held`] tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    name: &'static str,
    epoch: i64,
}

impl Lease {
    /// Takes the lease if it is free, expired, or held by `owner` already; a holder that comes back
    /// after a crash need not wait. `owner` MUST NOT be in use by two live processes.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database failed.
    pub async fn acquire(
        db: &Database,
        name: &'static str,
        owner: &str,
        duration: Duration,
    ) -> Result<Option<Self>, StoreError> {
        let owner = owner.to_owned();
        let taken = db.transact("acquiring a lease", Wake::Nobody, move |tx| {
            let owner = owner.clone();
            Box::pin(async move { take(tx, name, &owner, duration).await })
        });
        let taken = taken.await?;
        Ok(taken.ok().map(|epoch| Self { name, epoch }))
    }

    /// Extends the lease; `false` if somebody else has taken it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database failed; the lease may still be held.
    pub async fn renew(&self, db: &Database, duration: Duration) -> Result<bool, StoreError> {
        self.move_end(db, "renewing a lease", duration).await
    }

    /// Ends the lease, so that somebody else need not wait for its end.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database failed.
    pub async fn release(self, db: &Database) -> Result<(), StoreError> {
        self.move_end(db, "releasing a lease", Duration::ZERO).await.map(drop)
    }

    /// Whether nobody else has taken the lease, within a transaction that depends on it.
    pub(crate) async fn is_held(&self, tx: &DatabaseTransaction) -> Result<bool, DbErr> {
        Ok(epoch(tx, self.name).await? == Some(self.epoch))
    }

    async fn move_end(
        &self,
        db: &Database,
        doing: &'static str,
        duration: Duration,
    ) -> Result<bool, StoreError> {
        let Self { name, epoch } = *self;
        let moved = db.transact(doing, Wake::Nobody, move |tx| {
            let update = Query::update()
                .table(tables::Lease::Table)
                .value(tables::Lease::UntilUs, end(tx, duration))
                .and_where(Expr::col(tables::Lease::Name).eq(name))
                .and_where(Expr::col(tables::Lease::Epoch).eq(epoch))
                .to_owned();
            Box::pin(async move { Ok(tx.execute(&update).await?.rows_affected() == 1) })
        });
        Ok(moved.await?.unwrap_or(false))
    }
}

/// The new epoch, or an abort if somebody else holds the lease.
async fn take(
    tx: &DatabaseTransaction,
    name: &'static str,
    owner: &str,
    duration: Duration,
) -> Result<i64, TxError> {
    let now = now_expr(tx.get_database_backend());
    let take_over = Query::update()
        .table(tables::Lease::Table)
        .value(tables::Lease::Owner, owner)
        .value(tables::Lease::Epoch, Expr::col(tables::Lease::Epoch).add(1))
        .value(tables::Lease::UntilUs, end(tx, duration))
        .and_where(Expr::col(tables::Lease::Name).eq(name))
        .and_where(
            Expr::col(tables::Lease::UntilUs)
                .lte(now)
                .or(Expr::col(tables::Lease::Owner).eq(owner)),
        )
        .to_owned();
    if tx.execute(&take_over).await?.rows_affected() == 0 {
        insert_first(tx, name, owner, duration).await?;
    }
    let epoch = epoch(tx, name).await?;
    epoch.ok_or_else(|| TxError::Db(DbErr::RecordNotFound(format!("lease {name}"))))
}

async fn insert_first(
    tx: &DatabaseTransaction,
    name: &'static str,
    owner: &str,
    duration: Duration,
) -> Result<(), TxError> {
    let insert = Query::insert()
        .into_table(tables::Lease::Table)
        .columns([
            tables::Lease::Name,
            tables::Lease::Owner,
            tables::Lease::Epoch,
            tables::Lease::UntilUs,
        ])
        .values([name.into(), owner.into(), 1_i64.into(), end(tx, duration)])
        .map_err(malformed)?
        .to_owned();
    insert_unless_taken(tx, &insert, Committed::Stale).await
}

async fn epoch(tx: &DatabaseTransaction, name: &'static str) -> Result<Option<i64>, DbErr> {
    let query = Query::select()
        .column(tables::Lease::Epoch)
        .from(tables::Lease::Table)
        .and_where(Expr::col(tables::Lease::Name).eq(name))
        .to_owned();
    tx.query_one(&query).await?.map(|row| row.try_get("", "epoch")).transpose()
}

fn end(tx: &DatabaseTransaction, duration: Duration) -> Expr {
    let duration_us = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 2);
    now_expr(tx.get_database_backend()).add(duration_us)
}
