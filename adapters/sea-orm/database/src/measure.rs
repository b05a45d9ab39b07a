//! What waits in a database, told as numbers.

use std::sync::Weak;

use kernel::StoreError;
use sea_orm::sea_query::{Expr, ExprTrait, Func, Query, SelectStatement};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend};
use telemetry_metrics::before_reading;
use telemetry_metrics::names::{
    DB_CONNECTIONS, DEAD_LETTERS, OUTBOX_OLDEST_AGE, OUTBOX_PARKED, OUTBOX_UNPUBLISHED,
};

use crate::Database;
use crate::connect::Shared;
use crate::tables::{DeadLetter, Outbox};
use crate::unit_of_work::unavailable;

impl Database {
    /// Tells of the messages that wait here or were set aside. To be called every few seconds.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub async fn measure(&self) -> Result<(), StoreError> {
        let (database, lag) = ([self.name()], self.outbox_lag().await?);
        OUTBOX_UNPUBLISHED.set(database, number(lag.unpublished));
        OUTBOX_OLDEST_AGE.set(database, lag.oldest_age.as_secs_f64());
        let parked = Query::select()
            .expr_as(Func::count(Expr::col(Outbox::Seq)), "rows")
            .from(Outbox::Table)
            .and_where(Expr::col(Outbox::ParkedAtUs).is_not_null())
            .to_owned();
        OUTBOX_PARKED.set(database, self.count(&parked).await?);
        let letters = Query::select()
            .expr_as(Func::count(Expr::col(DeadLetter::EventId)), "rows")
            .from(DeadLetter::Table)
            .to_owned();
        DEAD_LETTERS.set(database, self.count(&letters).await?);
        Ok(())
    }

    async fn count(&self, query: &SelectStatement) -> Result<f64, StoreError> {
        let failed = unavailable("counting what was set aside");
        let row = self.reader().query_one(query).await.map_err(&failed)?;
        let rows = row.map(|row| row.try_get::<i64>("", "rows")).transpose().map_err(failed)?;
        Ok(number(u64::try_from(rows.unwrap_or_default()).unwrap_or_default()))
    }
}

/// Tells of the connections whenever somebody looks, for as long as the database is open.
pub(crate) fn tell_connections(name: &'static str, database: Weak<Shared>) {
    before_reading(move || {
        let Some(database) = database.upgrade() else { return false };
        for (pool, connection) in [("writer", &database.writer), ("reader", database.reader.pool())]
        {
            let (open, idle) = sizes(connection);
            DB_CONNECTIONS.set([name, pool, "idle"], number(idle as u64));
            DB_CONNECTIONS
                .set([name, pool, "used"], number(u64::from(open).saturating_sub(idle as u64)));
        }
        true
    });
}

fn sizes(connection: &DatabaseConnection) -> (u32, usize) {
    match connection.get_database_backend() {
        DbBackend::Postgres => {
            let pool = connection.get_postgres_connection_pool();
            (pool.size(), pool.num_idle())
        }
        DbBackend::MySql => {
            let pool = connection.get_mysql_connection_pool();
            (pool.size(), pool.num_idle())
        }
        DbBackend::Sqlite | _ => {
            let pool = connection.get_sqlite_connection_pool();
            (pool.size(), pool.num_idle())
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts for a dashboard")]
const fn number(count: u64) -> f64 {
    count as f64
}
