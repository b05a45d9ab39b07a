//! What waits in a database, told as numbers.

use std::sync::Weak;
use std::time::Duration;

use kernel::{StoreError, Timestamp};
use sea_orm::sea_query::{Expr, ExprTrait, Func, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, EntityTrait, QuerySelect,
    Select, SelectGetableTuple, Selector,
};
use telemetry_metrics::names::{
    DB_CONNECTIONS, DB_CONNECTIONS_MAX, DEAD_LETTERS, OUTBOX_OLDEST_AGE, OUTBOX_PARKED,
    OUTBOX_UNPUBLISHED,
};
use telemetry_metrics::{Gauge, before_reading};

use crate::Database;
use crate::connect::Shared;
use crate::engine::database_now;
use crate::relay::OutboxLag;
use crate::tables::{DeadLetter, Outbox};
use crate::unit_of_work::unavailable;

/// Rows that are not at rest, and how they are told.
pub struct Standings<E: EntityTrait> {
    /// The rows.
    pub rows: Select<E>,
    /// Their identity.
    pub id: E::Column,
    /// Their status.
    pub status: E::Column,
    /// Since when they stand, in microseconds since 1970.
    pub since_us: E::Column,
    /// The statuses to tell of, each with its label.
    pub statuses: &'static [(&'static str, &'static str)],
    /// How many have a status.
    pub count: &'static Gauge<1>,
    /// How long the oldest of them stands; 0 where there is none.
    pub oldest_age: &'static Gauge<1>,
}

/// A status, how many rows have it, and since when the oldest of them stands.
type Found = (String, i64, Option<i64>);

/// What waits in every database.
struct Waiting {
    lag: OutboxLag,
    parked: f64,
    letters: f64,
}

impl Database {
    /// Tells of the messages that wait here or were set aside; of none while the database is away. To be
    /// called every few seconds.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub async fn measure(&self) -> Result<(), StoreError> {
        let waiting = self.waiting().await;
        let told = waiting.as_ref().ok();
        let database = [self.name()];
        OUTBOX_UNPUBLISHED.tell(database, told.map(|told| number(told.lag.unpublished)));
        OUTBOX_OLDEST_AGE.tell(database, told.map(|told| told.lag.oldest_age.as_secs_f64()));
        OUTBOX_PARKED.tell(database, told.map(|told| told.parked));
        DEAD_LETTERS.tell(database, told.map(|told| told.letters));
        waiting.map(drop)
    }

    /// Tells of rows by their status, of none while the database is away; gives how many each label has.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub async fn tell_standings<E: EntityTrait>(
        &self,
        doing: &'static str,
        standings: Standings<E>,
    ) -> Result<Vec<(&'static str, f64)>, StoreError> {
        let Standings { rows, id, status, since_us, statuses, count, oldest_age } = standings;
        let rows = rows
            .select_only()
            .column(status)
            .column_as(id.count(), "found")
            .column_as(since_us.min(), "oldest_us")
            .group_by(status);
        let found = self.found(rows.into_tuple()).await.map_err(unavailable(doing));
        let mut told = Vec::new();
        for (status, label) in statuses {
            let standing = found.as_ref().ok().map(|(found, now)| standing(found, status, *now));
            count.tell([*label], standing.map(|(rows, _)| rows));
            oldest_age.tell([*label], standing.map(|(_, age)| age.as_secs_f64()));
            told.extend(standing.map(|(rows, _)| (*label, rows)));
        }
        found.map(|_| told)
    }

    async fn found(
        &self,
        rows: Selector<SelectGetableTuple<Found>>,
    ) -> Result<(Vec<Found>, Timestamp), DbErr> {
        Ok((rows.all(self.reader()).await?, database_now(self.reader()).await?))
    }

    async fn waiting(&self) -> Result<Waiting, StoreError> {
        let lag = self.outbox_lag().await?;
        let parked = Query::select()
            .expr_as(Func::count(Expr::col(Outbox::Seq)), "rows")
            .from(Outbox::Table)
            .and_where(Expr::col(Outbox::ParkedAtUs).is_not_null())
            .to_owned();
        let parked = self.count(&parked).await?;
        let letters = Query::select()
            .expr_as(Func::count(Expr::col(DeadLetter::EventId)), "rows")
            .from(DeadLetter::Table)
            .to_owned();
        Ok(Waiting { lag, parked, letters: self.count(&letters).await? })
    }

    async fn count(&self, query: &SelectStatement) -> Result<f64, StoreError> {
        let failed = unavailable("counting what was set aside");
        let row = self.reader().query_one(query).await.map_err(&failed)?;
        let rows = row.map(|row| row.try_get::<i64>("", "rows")).transpose().map_err(failed)?;
        Ok(number(u64::try_from(rows.unwrap_or_default()).unwrap_or_default()))
    }
}

fn standing(found: &[Found], status: &str, now: Timestamp) -> (f64, Duration) {
    let found = found.iter().find(|(of, ..)| of == status);
    let rows = found.map_or(0, |(_, rows, _)| u64::try_from(*rows).unwrap_or_default());
    let oldest = found.and_then(|(.., oldest)| *oldest).map(Timestamp::from_micros);
    (number(rows), oldest.map(|oldest| now.since(oldest)).unwrap_or_default())
}

/// Tells of the connections whenever somebody looks, for as long as the database is open.
pub(crate) fn tell_connections(name: &'static str, database: Weak<Shared>) {
    before_reading(move || {
        let Some(database) = database.upgrade() else { return false };
        for (pool, connection) in [("writer", &database.writer), ("reader", database.reader.pool())]
        {
            let (open, idle, most) = sizes(connection);
            DB_CONNECTIONS_MAX.set([name, pool], number(u64::from(most)));
            DB_CONNECTIONS.set([name, pool, "idle"], number(idle as u64));
            DB_CONNECTIONS
                .set([name, pool, "used"], number(u64::from(open).saturating_sub(idle as u64)));
        }
        true
    });
}

/// Open, idle, and the most there may be.
fn sizes(connection: &DatabaseConnection) -> (u32, usize, u32) {
    match connection.get_database_backend() {
        DbBackend::Postgres => {
            let pool = connection.get_postgres_connection_pool();
            (pool.size(), pool.num_idle(), pool.options().get_max_connections())
        }
        DbBackend::MySql => {
            let pool = connection.get_mysql_connection_pool();
            (pool.size(), pool.num_idle(), pool.options().get_max_connections())
        }
        DbBackend::Sqlite | _ => {
            let pool = connection.get_sqlite_connection_pool();
            (pool.size(), pool.num_idle(), pool.options().get_max_connections())
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts for a dashboard")]
const fn number(count: u64) -> f64 {
    count as f64
}
