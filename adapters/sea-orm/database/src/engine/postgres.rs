//! PostgreSQL: its connections' settings, and making a database.

use sea_orm::ConnectOptions;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection};
use sea_orm::sqlx::{self, AssertSqlSafe, Connection, Executor};

use super::server::{AGE_MAX, STATEMENTS_KEPT, in_time, is_there_already, server_pool};
use crate::given_up::GivenUp;
use crate::url::ServerUrl;

const DATABASE_MISSING: &str = "3D000";

/// What every serving connection is told. A cancelled BEGIN holds no locks for longer than the idle
/// timeout; a weaker `synchronous_commit` of the server's is not taken over. Buyers of a hot ticket
/// queue for its row: each one before them costs a commit.
const GUARDS: &str = "
    SET statement_timeout = '5s';
    SET lock_timeout = '3s';
    SET client_min_messages = 'error';
    SET idle_in_transaction_session_timeout = '10s';
    SET default_transaction_isolation = 'read committed';
    SELECT set_config('synchronous_commit', 'on', false)
        WHERE current_setting('synchronous_commit') IN ('off', 'local', 'remote_write');";
/// Writers find rows by their keys. A prepared statement keeps the plan that was made while its table was small, and
/// read whole: 256 holds looked up in 100,000 took 5 s by it, and 0.3 ms by the index. Where there is no index to take,
/// such a plan counts as so costly that the server would compile it each time.
const BY_KEY: &str = "SET enable_seqscan = off; SET jit = off;";
const READ_ONLY: &str = "SET default_transaction_read_only = on;";
/// A migration may take long, but waits only so long for other migrators.
const MIGRATING: &str =
    "SET statement_timeout = 0; SET lock_timeout = '60s'; SET client_min_messages = 'error';";

pub(super) fn writer(
    server: &ServerUrl,
    connections_max: u32,
    given_up: &GivenUp,
) -> ConnectOptions {
    pool(server, connections_max, given_up, format!("{GUARDS}{BY_KEY}"))
}

pub(super) fn readers(
    server: &ServerUrl,
    connections_max: u32,
    given_up: &GivenUp,
) -> ConnectOptions {
    pool(server, connections_max, given_up, format!("{GUARDS}{READ_ONLY}"))
}

pub(super) fn migrator(server: &ServerUrl) -> ConnectOptions {
    pool(server, 1, &GivenUp::default(), MIGRATING.to_owned())
}

fn pool(
    server: &ServerUrl,
    connections_max: u32,
    given_up: &GivenUp,
    settings: String,
) -> ConnectOptions {
    let mut options = server_pool(server, connections_max);
    let given_up = given_up.clone();
    let kept = |options: PgConnectOptions| options.statement_cache_capacity(STATEMENTS_KEPT);
    options.map_sqlx_postgres_opts(kept).map_sqlx_postgres_pool_opts(move |pool| {
        let (settings, given_up) = (settings.clone(), given_up.clone());
        pool.after_connect(move |connection, _| {
            let settings = settings.clone();
            Box::pin(async move { connection.execute(AssertSqlSafe(settings)).await.map(drop) })
        })
        .after_release(move |connection, known| {
            let (is_doubted, is_old) = (given_up.recently(), known.age > AGE_MAX);
            Box::pin(async move {
                if is_old || !is_doubted { Ok(!is_old) } else { rolled_back(connection).await }
            })
        })
    });
    options
}

/// Ends whatever transaction a connection came back with: a BEGIN whose caller went away leaves one
/// that the driver does not know of, and later statements would be acknowledged and lost in it (F1).
///
/// The server's log has a warning for every ROLLBACK that finds nothing to undo, so it is given something.
/// Only a transaction that has failed already refuses a BEGIN.
async fn rolled_back(connection: &mut PgConnection) -> sqlx::Result<bool> {
    if in_time(connection.execute("BEGIN; ROLLBACK")).await.is_err() {
        in_time(connection.execute("ROLLBACK")).await?;
    }
    Ok(!connection.is_in_transaction())
}

pub(super) async fn connect(server: &ServerUrl) -> sqlx::Result<PgConnection> {
    PgConnection::connect_with(&options(&server.secret())?).await
}

/// Makes the database if its server has none of this name. Text compares byte by byte, as on every engine.
pub(super) async fn create(server: &ServerUrl) -> sqlx::Result<()> {
    match connect(server).await {
        Ok(connection) => return connection.close().await,
        Err(error) if is_missing(&error) => {}
        Err(error) => return Err(error),
    }
    let maintenance = options(&server.with_database("postgres"))?;
    let mut connection = PgConnection::connect_with(&maintenance).await?;
    let create = format!(
        "CREATE DATABASE \"{}\" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'",
        server.database()
    );
    let created = connection.execute(AssertSqlSafe(create)).await;
    connection.close().await?;
    match created {
        Ok(_) => Ok(()),
        Err(error) if is_there_already(&error) => Ok(()),
        Err(error) => Err(error),
    }
}

pub(super) fn is_missing(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(refusal)
        if refusal.code().is_some_and(|code| code == DATABASE_MISSING))
}

fn options(address: &str) -> sqlx::Result<PgConnectOptions> {
    address.parse()
}
