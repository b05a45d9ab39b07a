//! What the connections to PostgreSQL and MySQL have in common, and whether a server answers.

use std::time::Duration;

use sea_orm::ConnectOptions;
use sea_orm::sqlx::mysql::MySqlConnection;
use sea_orm::sqlx::postgres::PgConnection;
use sea_orm::sqlx::{self, Connection};
use tokio::time::timeout;

use super::{mysql, postgres};
use crate::url::{DatabaseUrl, ServerUrl};

/// How long a transaction waits for a connection; past it the database is overloaded or away.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// A connection of this age is closed when it comes back, so that all servers behind one name get their share by and by.
pub(super) const AGE_MAX: Duration = Duration::from_secs(30 * 60);
/// A connection that rested as long may have lost its server meanwhile and is tried out first.
const PING_AFTER_IDLE: Duration = Duration::from_millis(500);
/// A connection that does not even roll back in this time is given up.
const ROLLBACK_TIMEOUT: Duration = Duration::from_secs(2);

/// Statements that a connection keeps prepared. Each kind of those with many rows comes in some ten lengths (`rows.rs`), and
/// what is thrown out costs more than its place: MySQL gives no answer to it, so that what is sent next may wait 40 ms
/// for a delayed acknowledgement (Nagle).
pub(super) const STATEMENTS_KEPT: usize = 256;

const POSTGRES_DUPLICATE_DATABASE: [&str; 2] = ["42P04", "23505"];
const MYSQL_DUPLICATE_DATABASE: u16 = 1007;

pub(super) fn server_pool(server: &ServerUrl, connections_max: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(server.secret());
    options
        .connect_lazy(true)
        .max_connections(connections_max)
        .min_connections(0)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // Without a limit the pool has no task that looks for what is past it. Such a task may spin for ever: it counts to
        // a number of idle connections that was read while it was below zero (sqlx 3645, in 0.9.0 still).
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire_if_idle_for(PING_AFTER_IDLE)
        .sqlx_logging(false);
    options
}

/// The end of a rollback, or the error by which the pool throws the connection away without a farewell,
/// which a network that is stuck would not carry either.
pub(super) async fn in_time<T>(rollback: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    match timeout(ROLLBACK_TIMEOUT, rollback).await {
        Ok(rolled_back) => rolled_back,
        Err(_late) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
    }
}

/// Whether somebody else has made the database in the meantime.
pub(super) fn is_there_already(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(refusal) = error else { return false };
    mysql::number(error) == Some(MYSQL_DUPLICATE_DATABASE)
        || refusal.code().is_some_and(|code| POSTGRES_DUPLICATE_DATABASE.contains(&code.as_ref()))
}

/// A connection of its own to ask whether the server answers. Not one of a pool's: those may all be
/// in use when everything is well, or all be stuck when the network is gone.
pub(crate) enum Probe {
    Postgres(PgConnection),
    MySql(MySqlConnection),
}

impl Probe {
    /// Nothing for a file, which needs no asking.
    pub(crate) async fn connect(url: &DatabaseUrl) -> sqlx::Result<Option<Self>> {
        Ok(match url {
            DatabaseUrl::Sqlite(_) => None,
            DatabaseUrl::Postgres(server) => Some(Self::Postgres(postgres::connect(server).await?)),
            DatabaseUrl::MySql(server) => Some(Self::MySql(mysql::connect(server).await?)),
        })
    }

    pub(crate) async fn ping(&mut self) -> sqlx::Result<()> {
        match self {
            Self::Postgres(connection) => connection.ping().await,
            Self::MySql(connection) => connection.ping().await,
        }
    }
}
