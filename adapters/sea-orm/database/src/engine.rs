//! All that differs between database engines: connection settings, their clock, their errors.

mod failures;
mod mysql;
mod postgres;
mod server;
mod sqlite;
#[cfg(test)]
mod tests;

use kernel::Timestamp;
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ConnectOptions, ConnectionTrait, DbBackend, DbErr, SqliteTransactionMode, TransactionOptions,
    sqlx,
};

pub use failures::is_out_of_time;
pub(crate) use failures::{
    is_answer, is_column_there, is_index_there, is_lock_wait, is_passing, is_table_missing,
    without_values,
};
pub(crate) use server::Probe;

use crate::given_up::GivenUp;
use crate::url::DatabaseUrl;

/// Connections to a server that one process opens for one database when it is busy; they close when
/// it is idle, but for some that are kept (`connect.rs`). With the one that asks whether the server is there they are eight. What writes in a crowd shares
/// transactions, so that more of them would only wait for each other's rows (performance.md, rule 5).
const WRITERS_MAX: u32 = 4;
const READERS_MAX: u32 = 3;

/// The connections that write.
pub(crate) fn writer(url: &DatabaseUrl, given_up: &GivenUp) -> ConnectOptions {
    match url {
        DatabaseUrl::Sqlite(path) => sqlite::writer(path),
        DatabaseUrl::Postgres(server) => postgres::writer(server, WRITERS_MAX, given_up),
        DatabaseUrl::MySql(server) => mysql::writer(server, WRITERS_MAX, given_up),
    }
}

/// The connections that read; they cannot write by mistake.
pub(crate) fn readers(url: &DatabaseUrl, given_up: &GivenUp) -> ConnectOptions {
    match url {
        DatabaseUrl::Sqlite(path) => sqlite::readers(path),
        DatabaseUrl::Postgres(server) => postgres::readers(server, READERS_MAX, given_up),
        DatabaseUrl::MySql(server) => mysql::readers(server, READERS_MAX, given_up),
    }
}

/// The one connection that migrates: without the guards that serving needs.
pub(crate) fn migrator(url: &DatabaseUrl) -> ConnectOptions {
    match url {
        DatabaseUrl::Sqlite(path) => sqlite::writer(path),
        DatabaseUrl::Postgres(server) => postgres::migrator(server),
        DatabaseUrl::MySql(server) => mysql::migrator(server),
    }
}

/// Makes the database if there is none of this name.
pub(crate) async fn create(url: &DatabaseUrl) -> sqlx::Result<()> {
    match url {
        DatabaseUrl::Sqlite(_) => Ok(()),
        DatabaseUrl::Postgres(server) => postgres::create(server).await,
        DatabaseUrl::MySql(server) => mysql::create(server).await,
    }
}

/// What must be done before a database can be used that somebody has made otherwise than [`create`] does.
pub(crate) async fn unusable(
    url: &DatabaseUrl,
    connection: &impl ConnectionTrait,
) -> Result<Option<String>, DbErr> {
    match url {
        DatabaseUrl::MySql(server) => mysql::unusable(server, connection).await,
        // PostgreSQL's text is equal only when its bytes are, whatever the collation.
        DatabaseUrl::Sqlite(_) | DatabaseUrl::Postgres(_) => Ok(None),
    }
}

/// Whether the server answers but has no database of this name.
pub(crate) fn is_database_missing(error: &sqlx::Error) -> bool {
    postgres::is_missing(error) || mysql::is_missing(error)
}

/// How a writing transaction begins. On SQLite it takes the write lock at once: one that reads first
/// and writes later fails with SQLITE_BUSY without waiting. Other engines ignore the setting.
pub(crate) fn begin_write() -> TransactionOptions {
    TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    }
}

/// What an engine calls the type that a sum of whole numbers is brought back to: most make another one of it.
#[must_use]
pub fn whole_number(backend: DbBackend) -> &'static str {
    if backend == DbBackend::MySql { "SIGNED" } else { "BIGINT" }
}

/// The database's own time in microseconds, for use inside statements (trap R43).
#[must_use]
pub fn now_expr(backend: DbBackend) -> Expr {
    Expr::cust(match backend {
        DbBackend::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)",
        DbBackend::MySql => "CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS SIGNED)",
        DbBackend::Sqlite | _ => "CAST(ROUND(unixepoch('subsec') * 1000) AS INTEGER) * 1000",
    })
}

/// The database's own date in UTC so many days later, as `YYYY-MM-DD`, for use inside statements. A statement of its
/// own, so that it is made once and not for every row, and an index can be asked for it.
#[must_use]
pub fn utc_date_expr(backend: DbBackend, days: i32) -> String {
    let date = match backend {
        DbBackend::Postgres => {
            format!("to_char(CAST(now() AT TIME ZONE 'UTC' AS DATE) + ({days}), 'YYYY-MM-DD')")
        }
        DbBackend::MySql => format!("DATE_FORMAT(UTC_DATE() + INTERVAL {days} DAY, '%Y-%m-%d')"),
        DbBackend::Sqlite | _ => format!("date('now', '{days} days')"),
    };
    format!("(SELECT {date})")
}

/// The database's own time (trap R43).
///
/// # Errors
/// The database's, unchanged: the caller says what it was doing.
pub async fn database_now(conn: &impl ConnectionTrait) -> Result<Timestamp, DbErr> {
    let now = now_expr(conn.get_database_backend());
    let query = Query::select().expr_as(now, "now_us").to_owned();
    let row = conn.query_one(&query).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("the database's time".to_owned()))?;
    row.try_get("", "now_us").map(Timestamp::from_micros)
}
