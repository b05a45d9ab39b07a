//! A context's database: its connections, its migrations, the tasks that run its transactions.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use in_process_watching::Changes;
use kernel::StoreError;
use sea_orm::{DatabaseConnection, DbErr};
use sea_orm_migration::MigrationTrait;
use tokio::sync::{OnceCell, watch};
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::engine;
use crate::given_up::GivenUp;
use crate::measure::tell_connections;
use crate::reader::{Answer, Reader, Server};
use crate::schema::Migrations;
use crate::unit_of_work::begin_counting;
use crate::url::DatabaseUrl;

/// Well within the time after which a pool closes what rests.
const KEPT_OPEN_EVERY: Duration = Duration::from_secs(15);
const RUN_MIGRATE: &str = "run this server's `migrate` step first";

/// One context's database. Clones share its connections.
#[derive(Clone)]
pub struct Database(Arc<Shared>);

pub(crate) struct Shared {
    name: OnceLock<&'static str>,
    url: DatabaseUrl,
    schema: Schema,
    migrations: Migrations,
    /// Set once the schema was found right.
    verified: OnceCell<()>,
    pub(crate) writer: DatabaseConnection,
    pub(crate) reader: Reader,
    given_up: GivenUp,
    clock: Clock,
    kept_open: Mutex<Option<Instant>>,
    tasks: TaskTracker,
    commits: watch::Sender<u64>,
    changes: Changes,
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
    /// A SQLite file is made if it is missing (not its folder), and with [`Schema::Migrate`] migrated at once. A server's
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
        let migrations = Migrations::new(migrations);
        let verified = OnceCell::new();
        if url.file().is_some() && schema == Schema::Migrate {
            migrations.apply(url).await.map_err(failed("opening the database file", url))?;
            verified.set(()).unwrap_or_default();
        }
        // On the heap: the type of what connects to any of three engines nests too deeply for the compiler.
        let connect = |options| Box::pin(sea_orm::Database::connect(options));
        let given_up = GivenUp::default();
        let writer = connect(engine::writer(url, &given_up)).await;
        let writer = writer.map_err(failed("opening the database", url))?;
        let readers = connect(engine::readers(url, &given_up)).await;
        let readers = readers.map_err(failed("opening the database for reading", url))?;
        let reader = Reader::new(readers, Server::new(url.clone()), given_up.clone());
        let (commits, _) = watch::channel(0);
        let (url, tasks) = (url.clone(), TaskTracker::new());
        let shared = Shared {
            name: OnceLock::new(),
            url,
            schema,
            migrations,
            verified,
            writer,
            reader,
            given_up,
            clock: Clock::default(),
            kept_open: Mutex::default(),
            tasks,
            commits,
            changes: Changes::default(),
        };
        Ok(Self(Arc::new(shared)))
    }

    /// Names it for those who look at metrics and traces: `ticket`. The first name stays.
    #[must_use]
    pub fn named(self, name: &'static str) -> Self {
        if self.0.name.set(name).is_ok() {
            tell_connections(name, Arc::downgrade(&self.0));
            begin_counting(name);
        }
        self
    }

    pub(crate) fn name(&self) -> &'static str {
        self.0.name.get().copied().unwrap_or("unnamed")
    }

    /// The engine, as OpenTelemetry calls it.
    pub(crate) fn system(&self) -> &'static str {
        match self.0.url {
            DatabaseUrl::Sqlite(_) => "sqlite",
            DatabaseUrl::Postgres(_) => "postgresql",
            DatabaseUrl::MySql(_) => "mysql",
        }
    }

    /// Whether the database answers and its schema is right; brings the schema up to date first where
    /// it was opened with [`Schema::Migrate`]. A schema newer than this version's is right.
    ///
    /// Cheap once the schema was found right, and never waits longer than about a second and a half
    /// unless it migrates: made to be asked every second.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] that says what is missing.
    pub async fn check(&self) -> Result<(), StoreError> {
        let doing = "checking the database";
        let shared = &self.0;
        let refused = |cause: String| StoreError::Unavailable {
            doing,
            cause: format!("{}: {cause}", shared.url),
        };
        let to_migrate = shared.schema == Schema::Migrate && !shared.verified.initialized();
        match shared.reader.server.answer().await {
            Answer::Away(cause) => return Err(refused(cause)),
            Answer::NoDatabase if !to_migrate => {
                return Err(refused(format!("there is no such database; {RUN_MIGRATE}")));
            }
            Answer::NoDatabase | Answer::Here => {}
        }
        let verifying = shared.verified.get_or_try_init(|| async {
            if to_migrate {
                return self.bring_up_to_date().await.map(drop);
            }
            self.refuse_unusable(doing).await?;
            let missing = shared.migrations.missing(&shared.reader).await;
            let missing = missing.map_err(failed(doing, &shared.url))?;
            match missing.as_slice() {
                [] => Ok(()),
                names => {
                    Err(refused(format!("the schema lacks {}; {RUN_MIGRATE}", names.join(", "))))
                }
            }
        });
        verifying.await?;
        self.keep_some_open();
        Ok(())
    }

    /// Uses two connections of each pool at once now and then, so that they stay open: a crowd that comes to a server
    /// that rests would wait for new ones, each a process and a handshake of its database's. Not by the pools' own
    /// minimum: while a database is away its connecting keeps others from theirs, and for a while after.
    fn keep_some_open(&self) {
        let mut kept = self.0.kept_open.lock().unwrap_or_else(PoisonError::into_inner);
        if self.0.url.file().is_some() || kept.is_some_and(|at| at.elapsed() < KEPT_OPEN_EVERY) {
            return;
        }
        *kept = Some(Instant::now());
        let database = self.clone();
        self.tasks().spawn(async move {
            let (writer, reader) = (database.writer(), database.reader().pool());
            let used = tokio::join!(writer.ping(), writer.ping(), reader.ping(), reader.ping());
            tracing::trace!(?used, "used connections, so that they stay open");
        });
    }

    /// Brings the schema to this version's: makes the database if its server has none of this name,
    /// waits for other migrators, and applies what is not applied yet. Says how many migrations it applied.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; running it again goes on where it stopped.
    pub async fn migrate(&self) -> Result<u32, StoreError> {
        let applied = self.bring_up_to_date().await?;
        self.0.verified.set(()).unwrap_or_default();
        Ok(applied)
    }

    async fn bring_up_to_date(&self) -> Result<u32, StoreError> {
        let doing = "migrating the database";
        let Shared { url, migrations, .. } = self.0.as_ref();
        Box::pin(engine::create(url))
            .await
            .map_err(|error| StoreError::Unavailable { doing, cause: format!("{url}: {error}") })?;
        self.refuse_unusable(doing).await?;
        migrations.apply(url).await.map_err(failed(doing, url))
    }

    /// An error that says what to do about a database that was made otherwise than this platform needs it.
    async fn refuse_unusable(&self, doing: &'static str) -> Result<(), StoreError> {
        let url = &self.0.url;
        match engine::unusable(url, &self.0.reader).await.map_err(failed(doing, url))? {
            None => Ok(()),
            Some(cause) => Err(StoreError::Unavailable { doing, cause: format!("{url}: {cause}") }),
        }
    }

    /// An error while nobody has found the schema right: a write could meet tables of another version.
    pub(crate) fn verified(&self, doing: &'static str) -> Result<(), StoreError> {
        if self.0.verified.initialized() {
            return Ok(());
        }
        let cause = format!("{}: its schema was not checked yet", self.0.url);
        Err(StoreError::Unavailable { doing, cause })
    }

    /// For queries outside transactions; it refuses to write. Sees every commit that has returned.
    #[must_use]
    pub fn reader(&self) -> &Reader {
        &self.0.reader
    }

    /// Tells of commits from now on, so that loops over tables wake promptly. Keep one per loop: it
    /// loses none, and many commits between two waits are one wake-up.
    #[must_use]
    pub fn committed(&self) -> Commits {
        Commits(self.0.commits.subscribe())
    }

    /// What its commits have changed, for whoever watches it. Stores tell of it with [`crate::tell_at_commit`].
    #[must_use]
    pub fn changes(&self) -> &Changes {
        &self.0.changes
    }

    /// Waits for running transactions to end and closes the connections.
    pub async fn close(&self) {
        self.0.tasks.close();
        self.0.tasks.wait().await;
        let closed = [
            ("readers", self.0.reader.close().await),
            ("writers", self.0.writer.close_by_ref().await),
        ];
        for (pool, closed) in closed {
            if let Err(error) = closed {
                tracing::warn!(pool, %error, "closing database connections failed");
            }
        }
    }

    pub(crate) fn writer(&self) -> &DatabaseConnection {
        &self.0.writer
    }

    /// Notes what of this database's was given up.
    pub(crate) fn given_up(&self) -> &GivenUp {
        &self.0.given_up
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
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

fn failed(doing: &'static str, url: &DatabaseUrl) -> impl Fn(DbErr) -> StoreError {
    move |error| StoreError::Unavailable { doing, cause: format!("{url}: {error}") }
}
