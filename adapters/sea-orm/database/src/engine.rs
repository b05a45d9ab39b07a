//! All that differs between database engines: connection settings, their clock, their passing errors.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kernel::Timestamp;
use sea_orm::sea_query::{Expr, Query};
use sea_orm::sqlx::Connection;
use sea_orm::sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous,
};
use sea_orm::{
    ConnectOptions, ConnectionTrait, DbBackend, DbErr, RuntimeErr, SqliteTransactionMode,
    TransactionOptions, sqlx,
};

use crate::url::DatabaseUrl;

/// How long a transaction queues for the one writing connection; past it the database is overloaded.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const SQLITE_READERS_MAX: u32 = 4;
const SQLITE_JOURNAL_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The connections that write.
pub(crate) fn writer(url: &DatabaseUrl) -> ConnectOptions {
    match url {
        DatabaseUrl::Sqlite(path) => sqlite_writer(path),
        DatabaseUrl::Postgres(server) | DatabaseUrl::MySql(server) => lazy(server.secret()),
    }
}

/// The connections that read.
pub(crate) fn readers(url: &DatabaseUrl) -> ConnectOptions {
    match url {
        DatabaseUrl::Sqlite(path) => sqlite_readers(path),
        DatabaseUrl::Postgres(server) | DatabaseUrl::MySql(server) => lazy(server.secret()),
    }
}

fn lazy(url: String) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .connect_lazy(true)
        .max_connections(6)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .sqlx_logging(false);
    options
}

/// The one connection that writes. SQLite has one writer at a time; queueing for it in our own pool
/// is fair, queueing for it in SQLite is not.
fn sqlite_writer(path: &Path) -> ConnectOptions {
    sqlite(path, 1, |options| {
        options
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // NORMAL would lose acknowledged commits when the power goes.
            .synchronous(SqliteSynchronous::Full)
            .pragma("journal_size_limit", SQLITE_JOURNAL_BYTES_MAX.to_string())
    })
}

/// The connections that read; they cannot write by mistake.
fn sqlite_readers(path: &Path) -> ConnectOptions {
    sqlite(path, SQLITE_READERS_MAX, |options| options.pragma("query_only", "ON"))
}

fn sqlite(
    path: &Path,
    connections_max: u32,
    settings: fn(SqliteConnectOptions) -> SqliteConnectOptions,
) -> ConnectOptions {
    let path = PathBuf::from(path);
    let mut options = ConnectOptions::new("sqlite:");
    options
        .max_connections(connections_max)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_sqlite_pool_opts(|pool| {
            pool.after_release(|connection, _| Box::pin(async { Ok(is_clean(connection)) }))
        })
        .map_sqlx_sqlite_opts(move |options| {
            settings(options.filename(&path).busy_timeout(SQLITE_BUSY_TIMEOUT).foreign_keys(true))
        });
    options
}

/// Whether a connection may be used again. After some errors (a full disk at COMMIT is one) SQLite rolls
/// back by itself, and the driver goes on counting a transaction that is gone: what the next user took for
/// BEGIN and COMMIT would be a savepoint, acknowledged and never durable. Such a connection is closed.
fn is_clean(connection: &SqliteConnection) -> bool {
    let clean = !connection.is_in_transaction();
    if !clean {
        tracing::warn!("a connection came back inside a transaction and is replaced");
    }
    clean
}

/// How a writing transaction begins. On SQLite it takes the write lock at once: one that reads first
/// and writes later fails with SQLITE_BUSY without waiting. Other engines ignore the setting.
pub(crate) fn begin_write() -> TransactionOptions {
    TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    }
}

/// Whether the same transaction, run again from its beginning, may succeed (F15).
pub(crate) fn is_passing(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(source))
    | DbErr::Query(RuntimeErr::SqlxError(source))
    | DbErr::Conn(RuntimeErr::SqlxError(source))) = error
    else {
        return false;
    };
    let sqlx::Error::Database(refusal) = source.as_ref() else { return false };
    refusal.code().is_some_and(|code| is_passing_code(&code))
}

fn is_passing_code(code: &str) -> bool {
    const POSTGRES_SERIALIZATION_DEADLOCK: [&str; 2] = ["40001", "40P01"];
    const MYSQL_DEADLOCK_LOCK_WAIT_SNAPSHOT: [&str; 3] = ["1213", "1205", "1020"];
    const SQLITE_BUSY_RECOVERY_SNAPSHOT: [&str; 3] = ["5", "261", "517"];
    POSTGRES_SERIALIZATION_DEADLOCK.contains(&code)
        || MYSQL_DEADLOCK_LOCK_WAIT_SNAPSHOT.contains(&code)
        || SQLITE_BUSY_RECOVERY_SNAPSHOT.contains(&code)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f15_what_passes_is_known_by_its_code() {
        for code in ["5", "261", "517", "40001", "40P01", "1205", "1213", "1020"] {
            assert!(is_passing_code(code), "{code}");
        }
        for code in ["", "1", "13", "23505", "1062", "1555", "2067"] {
            assert!(!is_passing_code(code), "{code}");
        }
    }
}
