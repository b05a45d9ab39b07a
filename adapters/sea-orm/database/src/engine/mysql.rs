//! MySQL and MariaDB: their connections' settings, and making a database.

use sea_orm::sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlDatabaseError};
use sea_orm::sqlx::{self, AssertSqlSafe, Connection, Executor, Row};
use sea_orm::{ConnectOptions, ConnectionTrait, DbBackend, DbErr, Statement};

use super::server::{AGE_MAX, STATEMENTS_KEPT, in_time, is_there_already, server_pool};
use crate::given_up::GivenUp;
use crate::url::ServerUrl;

const DATABASE_MISSING: u16 = 1049;

/// REPEATABLE READ, the default, would let plain reads miss commits and locking reads block inserts (F13).
const READ_COMMITTED: &str = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;";
const READ_ONLY: &str = "SET SESSION TRANSACTION READ ONLY;";
/// Seconds. Each of the two kinds of server skips the comments that are meant for the other. The server
/// ends transactions whose client has vanished, so that nobody waits for their locks: MariaDB soon, MySQL
/// together with the connection.
const GUARDS: &str =
    "SET SESSION innodb_lock_wait_timeout = 3, lock_wait_timeout = 3, wait_timeout = 120
    /*M!100100 , max_statement_time = 5 */ /*!50708 , max_execution_time = 5000 */
    /*M!100300 , idle_write_transaction_timeout = 10 */;";
/// A migration may take long, but waits only so many seconds for those who use its tables.
const MIGRATING: &str = "SET SESSION lock_wait_timeout = 60;";
const STRICT: &str = "SET SESSION sql_mode =
    'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,PIPES_AS_CONCAT';";

/// Those that compare byte by byte, the best first: the last one ignores spaces at the end.
const COLLATIONS: [&str; 3] = ["utf8mb4_0900_bin", "utf8mb4_nopad_bin", "utf8mb4_bin"];

/// Whose text the database compares otherwise: its own default, which new tables get, or a table's.
const NOT_BYTEWISE: &str = "SELECT CAST(collation AS CHAR) AS collation FROM (
        SELECT DEFAULT_COLLATION_NAME AS collation FROM information_schema.SCHEMATA
            WHERE SCHEMA_NAME = DATABASE()
        UNION SELECT TABLE_COLLATION FROM information_schema.TABLES
            WHERE TABLE_SCHEMA = DATABASE() AND TABLE_COLLATION IS NOT NULL
    ) AS collations WHERE collation NOT LIKE 'utf8mb4%bin' LIMIT 1";

pub(super) fn writer(
    server: &ServerUrl,
    connections_max: u32,
    given_up: &GivenUp,
) -> ConnectOptions {
    pool(server, connections_max, given_up, [READ_COMMITTED, GUARDS, STRICT].concat())
}

pub(super) fn readers(
    server: &ServerUrl,
    connections_max: u32,
    given_up: &GivenUp,
) -> ConnectOptions {
    pool(server, connections_max, given_up, [READ_COMMITTED, READ_ONLY, GUARDS, STRICT].concat())
}

pub(super) fn migrator(server: &ServerUrl) -> ConnectOptions {
    pool(server, 1, &GivenUp::default(), [READ_COMMITTED, MIGRATING, STRICT].concat())
}

fn pool(
    server: &ServerUrl,
    connections_max: u32,
    given_up: &GivenUp,
    settings: String,
) -> ConnectOptions {
    let mut options = server_pool(server, connections_max);
    let given_up = given_up.clone();
    options.map_sqlx_mysql_opts(settled).map_sqlx_mysql_pool_opts(move |pool| {
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

fn settled(options: MySqlConnectOptions) -> MySqlConnectOptions {
    options
        .charset("utf8mb4")
        .collation("utf8mb4_bin")
        .timezone(Some("+00:00".to_owned()))
        .statement_cache_capacity(STATEMENTS_KEPT)
}

/// Ends whatever transaction a connection came back with: a BEGIN whose caller went away leaves one
/// that the driver does not know of, and later statements would be acknowledged and lost in it (F1).
async fn rolled_back(connection: &mut MySqlConnection) -> sqlx::Result<bool> {
    in_time(connection.execute("ROLLBACK")).await?;
    Ok(!connection.is_in_transaction())
}

pub(super) async fn connect(server: &ServerUrl) -> sqlx::Result<MySqlConnection> {
    MySqlConnection::connect_with(&settled(server.secret().parse()?)).await
}

/// Makes the database if its server has none of this name. Text compares byte by byte, as on every engine.
pub(super) async fn create(server: &ServerUrl) -> sqlx::Result<()> {
    match connect(server).await {
        Ok(connection) => return connection.close().await,
        Err(error) if is_missing(&error) => {}
        Err(error) => return Err(error),
    }
    let mut connection =
        MySqlConnection::connect_with(&settled(server.with_database("").parse()?)).await?;
    let create = format!(
        "CREATE DATABASE `{}` CHARACTER SET utf8mb4 COLLATE {}",
        server.database(),
        bytewise_collation(&mut connection).await?
    );
    let created = connection.execute(AssertSqlSafe(create)).await;
    connection.close().await?;
    match created {
        Ok(_) => Ok(()),
        Err(error) if is_there_already(&error) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn bytewise_collation(connection: &mut MySqlConnection) -> sqlx::Result<String> {
    let known = "SELECT CAST(COLLATION_NAME AS CHAR) FROM information_schema.COLLATIONS
        WHERE COLLATION_NAME LIKE 'utf8mb4%bin'";
    let rows = sqlx::query(known).fetch_all(connection).await?;
    let known: Vec<String> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    let found = COLLATIONS.into_iter().find(|name| known.iter().any(|known| known == name));
    Ok(found.unwrap_or("utf8mb4_bin").to_owned())
}

/// What must be done before this database can be used; nothing when its text compares byte by byte.
pub(super) async fn unusable(
    server: &ServerUrl,
    connection: &impl ConnectionTrait,
) -> Result<Option<String>, DbErr> {
    let query = Statement::from_string(DbBackend::MySql, NOT_BYTEWISE);
    let Some(row) = connection.query_one_raw(query).await? else { return Ok(None) };
    let collation: String = row.try_get("", "collation")?;
    Ok(Some(format!(
        "its text compares by {collation}, under which different ids would be the same; drop it and \
         let `migrate` make it, or, while it has no tables: \
         ALTER DATABASE `{}` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        server.database()
    )))
}

pub(super) fn is_missing(error: &sqlx::Error) -> bool {
    number(error) == Some(DATABASE_MISSING)
}

/// MySQL's own number of an error; its SQLSTATE says too little.
pub(super) fn number(error: &sqlx::Error) -> Option<u16> {
    let sqlx::Error::Database(refusal) = error else { return None };
    refusal.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number)
}
