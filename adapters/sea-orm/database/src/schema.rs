//! The schema: whether a database has it, and bringing it up to date, one migrator at a time.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::sea_query::Query;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, IntoDatabaseExecutor, Statement,
    TransactionTrait,
};
use sea_orm_migration::{MigrationName, MigrationTrait, MigratorTraitSelf, SchemaManager};
use tokio::time::{Instant, sleep};

use crate::engine;
use crate::migrations::shared_migrations;
use crate::reader::Reader;
use crate::url::DatabaseUrl;

/// PostgreSQL's lock is one of the database, so any number will do that nobody else uses.
const POSTGRES_LOCK: &str = "SELECT pg_advisory_xact_lock(7235419920651)";
/// MySQL's is one of the whole server and its name is short. Seconds.
const MYSQL_LOCK: &str =
    "SELECT CAST(GET_LOCK(SHA1(CONCAT('migrate ', DATABASE())), 60) AS SIGNED)";
const MYSQL_UNLOCK: &str =
    "SELECT CAST(RELEASE_LOCK(SHA1(CONCAT('migrate ', DATABASE()))) AS SIGNED)";

const FILE_BUSY_MAX: Duration = Duration::from_secs(5);
const FILE_BUSY_PAUSE: Duration = Duration::from_millis(50);

/// The migrations of a database, the shared ones first.
#[derive(Clone)]
pub(crate) struct Migrations(Vec<Arc<dyn MigrationTrait>>);

impl Migrations {
    pub(crate) fn new(own: Vec<Box<dyn MigrationTrait>>) -> Self {
        Self(shared_migrations().into_iter().chain(own).map(Arc::from).collect())
    }

    /// Those that the database has not seen. A newer version's, which it may have seen, do not matter.
    pub(crate) async fn missing(&self, reader: &Reader) -> Result<Vec<String>, DbErr> {
        let applied = Query::select().column("version").from("seaql_migrations").to_owned();
        let applied: HashSet<String> = match reader.query_all(&applied).await {
            Ok(rows) => {
                rows.iter().map(|row| row.try_get("", "version")).collect::<Result<_, _>>()?
            }
            Err(error) if engine::is_table_missing(&error) => HashSet::new(),
            Err(error) => return Err(error),
        };
        let missing = self.0.iter().map(|own| own.name().to_owned());
        Ok(missing.filter(|name| !applied.contains(name)).collect())
    }

    /// Applies what is missing; says how much that was.
    ///
    /// A new file is asked again while another process makes it what it shall be: SQLite refuses the change
    /// of its journal at once then, whatever the time it was told to wait.
    pub(crate) async fn apply(&self, url: &DatabaseUrl) -> Result<u32, DbErr> {
        let until = Instant::now() + FILE_BUSY_MAX;
        loop {
            match self.apply_once(url).await {
                Err(error)
                    if url.file().is_some()
                        && engine::is_passing(&error)
                        && Instant::now() < until =>
                {
                    sleep(FILE_BUSY_PAUSE).await;
                }
                ended => return ended,
            }
        }
    }

    async fn apply_once(&self, url: &DatabaseUrl) -> Result<u32, DbErr> {
        // On the heap: the type of what connects to any of three engines nests too deeply for the compiler.
        let connection = Box::pin(sea_orm::Database::connect(engine::migrator(url))).await?;
        let applied = self.apply_over(&connection).await;
        let closed = connection.close().await;
        let applied = applied?;
        closed.map(|()| applied)
    }

    /// Where the engine can, all of it is one transaction, which holds the lock as well: a migrator
    /// that is killed leaves nothing half-done. On MySQL every statement stands for itself, and a
    /// migration MUST be able to run again after any of them; see [`crate::create_table`].
    async fn apply_over(&self, connection: &DatabaseConnection) -> Result<u32, DbErr> {
        if connection.get_database_backend() == DbBackend::MySql {
            lock_mysql(connection).await?;
            let applied = self.apply_missing(connection).await;
            // The lock ends with the connection at the latest, which is about to be closed.
            connection.query_one_raw(statement(connection, MYSQL_UNLOCK)).await?;
            return applied;
        }
        let tx = connection.begin_with_options(engine::begin_write()).await?;
        if tx.get_database_backend() == DbBackend::Postgres {
            tx.execute_unprepared(POSTGRES_LOCK).await?;
        }
        let applied = self.apply_missing(&tx).await?;
        tx.commit().await?;
        Ok(applied)
    }

    async fn apply_missing<'c, C>(&self, connection: C) -> Result<u32, DbErr>
    where
        C: IntoDatabaseExecutor<'c> + Copy,
    {
        let manager = SchemaManager::new(connection);
        let known = Known(self.0.clone());
        let applied: HashSet<String> = known
            .get_migration_models(manager.get_connection())
            .await?
            .into_iter()
            .map(|model| model.version)
            .collect();
        let missing = self.0.iter().filter(|own| !applied.contains(own.name())).count();
        // The runner refuses what it does not know; a newer version's migrations are nothing to us.
        let newer = applied.into_iter().filter(|name| self.0.iter().all(|own| own.name() != name));
        let newer = newer.map(|name| Arc::new(Newer(name)) as Arc<dyn MigrationTrait>);
        let all = Known(self.0.iter().cloned().chain(newer).collect());
        all.up(connection, None).await?;
        Ok(u32::try_from(missing).unwrap_or(u32::MAX))
    }
}

async fn lock_mysql(connection: &DatabaseConnection) -> Result<(), DbErr> {
    let row = connection.query_one_raw(statement(connection, MYSQL_LOCK)).await?;
    let locked: Option<i64> = row.map(|row| row.try_get_by_index(0)).transpose()?.flatten();
    if locked == Some(1) {
        return Ok(());
    }
    Err(DbErr::Custom("somebody else has been migrating it for a minute".to_owned()))
}

fn statement(connection: &DatabaseConnection, sql: &str) -> Statement {
    Statement::from_string(connection.get_database_backend(), sql)
}

struct Known(Vec<Arc<dyn MigrationTrait>>);

impl MigratorTraitSelf for Known {
    fn migrations(&self) -> Vec<Box<dyn MigrationTrait>> {
        self.0.iter().map(|migration| Box::new(Own(migration.clone())) as _).collect()
    }
}

/// A migration in the runner's box.
struct Own(Arc<dyn MigrationTrait>);

impl MigrationName for Own {
    fn name(&self) -> &str {
        self.0.name()
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Own {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        self.0.up(manager).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}

/// A migration that a newer version has applied.
struct Newer(String);

impl MigrationName for Newer {
    fn name(&self) -> &str {
        &self.0
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Newer {
    async fn up(&self, _manager: &SchemaManager) -> Result<(), DbErr> {
        Ok(())
    }
}
