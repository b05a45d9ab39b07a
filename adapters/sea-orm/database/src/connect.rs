//! A context's database: its connections, its migrations, the tasks that run its transactions.

use std::path::Path;
use std::sync::Arc;

use kernel::StoreError;
use sea_orm::{DatabaseConnection, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, MigratorTraitSelf, SchemaManager};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use crate::engine::{sqlite_readers, sqlite_writer};
use crate::migrations::shared_migrations;

/// One context's database. Clones share its connections.
#[derive(Clone)]
pub struct Database(Arc<Shared>);

struct Shared {
    writer: DatabaseConnection,
    readers: DatabaseConnection,
    tasks: TaskTracker,
    commits: watch::Sender<u64>,
}

/// Hears of commits; see [`Database::committed`].
pub struct Commits(watch::Receiver<u64>);

impl Database {
    /// Opens a database file, creating it if missing (not its folder), and applies the migrations of
    /// this crate and then `migrations`, each in a transaction. Their names, which are the stems of
    /// their files, MUST be unique and never change.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], saying which file could not be opened or migrated and why.
    pub async fn open_sqlite(
        path: &Path,
        migrations: Vec<Box<dyn MigrationTrait>>,
    ) -> Result<Self, StoreError> {
        let failed = |doing: &'static str| {
            move |error: DbErr| StoreError::Unavailable {
                doing,
                cause: format!("{}: {error}", path.display()),
            }
        };
        let writer = sea_orm::Database::connect(sqlite_writer(path))
            .await
            .map_err(failed("opening the database file"))?;
        migrate(&writer, migrations).await.map_err(failed("migrating the database file"))?;
        let readers = sea_orm::Database::connect(sqlite_readers(path))
            .await
            .map_err(failed("opening the database file for reading"))?;
        let (commits, _) = watch::channel(0);
        Ok(Self(Arc::new(Shared { writer, readers, tasks: TaskTracker::new(), commits })))
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
