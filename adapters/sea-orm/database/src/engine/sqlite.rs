//! SQLite: a file of this process's own machine.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sea_orm::ConnectOptions;
use sea_orm::sqlx::Connection;
use sea_orm::sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous,
};

/// How long a transaction queues for the one writing connection; past it the database is overloaded.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const READERS_MAX: u32 = 4;
const JOURNAL_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The one connection that writes. SQLite has one writer at a time; queueing for it in our own pool
/// is fair, queueing for it in SQLite is not.
pub(super) fn writer(path: &Path) -> ConnectOptions {
    pool(path, 1, |options| {
        options
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // NORMAL would lose acknowledged commits when the power goes.
            .synchronous(SqliteSynchronous::Full)
            .pragma("journal_size_limit", JOURNAL_BYTES_MAX.to_string())
    })
}

/// The connections that read; they cannot write by mistake.
pub(super) fn readers(path: &Path) -> ConnectOptions {
    pool(path, READERS_MAX, |options| options.pragma("query_only", "ON"))
}

fn pool(
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
            settings(options.filename(&path).busy_timeout(BUSY_TIMEOUT).foreign_keys(true))
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
