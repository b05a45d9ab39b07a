//! What a context is started on, and what comes of it: the same for the all-in-one and for a server of its own.

use std::sync::Arc;
use std::time::Duration;

use grpc_server::Tasks;
use kernel::{Clock, EventHandler, IdSource, Publisher, StoreError};
use sea_orm_database::{Database, MigrationTrait, Relay};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Channel;

use crate::config::Settings;
use crate::process::Process;
use crate::readiness::Part;
use crate::service_token::ServiceToken;
use crate::start_error::StartError;
use crate::system::{SystemClock, UuidV7Ids};
use crate::workers::Workers;

/// A sweep looks at least this often, whatever commits tell it.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// A failed sweep waits this long.
const SWEEP_AFTER_FAILURE: Duration = Duration::from_secs(1);
/// The folder of an embedded database is claimed by one process, so a killed one's successor leads at once.
const RELAY_OWNER: &str = "embedded";
/// How often a database is asked whether it answers.
const WATCH_EVERY: Duration = Duration::from_secs(2);
/// How often old rows are pruned.
const PRUNE_EVERY: Duration = Duration::from_secs(600);

/// What a context is started on.
#[derive(Clone)]
pub struct Platform {
    /// The process's settings.
    pub settings: Settings,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New identifiers.
    pub ids: Arc<dyn IdSource>,
    /// Where handler bodies run.
    pub tasks: Tasks,
    /// Where loops run.
    pub workers: Workers,
    /// Cancelled when streams to clients must end.
    pub stopping: CancellationToken,
    /// Names this process in leases.
    pub owner: String,
    /// Reaches the other contexts.
    pub contexts: Channel,
    /// Goes with calls to the other contexts.
    pub service_token: ServiceToken,
}

/// A started context: what it serves and hears.
pub struct Context {
    /// Its name: `ticket`.
    pub name: &'static str,
    /// The full names of its services.
    pub services: Vec<&'static str>,
    /// Adds its services to a server's routes.
    pub add_services: Box<dyn FnOnce(Routes) -> Routes + Send>,
    /// What it hears of other contexts.
    pub handlers: Vec<Arc<dyn EventHandler>>,
    /// Its database.
    pub database: Database,
    /// What else is to be closed with it: a provider's own ledger.
    pub beside: Option<Database>,
}

impl Platform {
    /// A platform of this process, whose contexts reach each other through `contexts`.
    #[must_use]
    pub fn new(process: &Process, contexts: Channel) -> Self {
        let ids: Arc<dyn IdSource> = Arc::new(UuidV7Ids::default());
        Self {
            settings: process.settings.clone(),
            clock: Arc::new(SystemClock),
            owner: ids.next().to_string(),
            ids,
            tasks: process.tasks.clone(),
            workers: process.workers.clone(),
            stopping: process.stopping(),
            contexts,
            service_token: process.service_token.clone(),
        }
    }

    /// Runs `pass` after every commit of the database and every second. A pass that says it found
    /// as much as it may take is followed by another at once.
    pub fn sweep<F>(
        &self,
        name: &'static str,
        database: &Database,
        pass: impl Fn() -> F + Clone + Send + Sync + 'static,
    ) where
        F: Future<Output = Result<bool, StoreError>> + Send,
    {
        let database = database.clone();
        self.workers.spawn(name, move |stopping| {
            let (pass, mut commits) = (pass.clone(), database.committed());
            async move {
                while !stopping.is_cancelled() {
                    let pause = match pass().await {
                        Ok(true) => continue,
                        Ok(false) => SWEEP_EVERY,
                        Err(error) => {
                            tracing::warn!(sweep = name, %error, "a sweep failed and will run again");
                            SWEEP_AFTER_FAILURE
                        }
                    };
                    tokio::select! {
                        () = stopping.cancelled() => return,
                        () = tokio::time::sleep(pause) => {}
                        () = commits.notified() => {}
                    }
                }
            }
        });
    }

    /// Says of a part whether the context's database answers, now and from then on.
    pub fn watch(&self, context: &Context, part: Part) {
        let database = context.database.clone();
        self.workers.spawn("readiness", move |stopping| {
            let (database, part) = (database.clone(), part.clone());
            async move {
                while !stopping.is_cancelled() {
                    let answer = database.outbox_lag().await;
                    if let Err(error) = &answer {
                        tracing::warn!(%error, "a database does not answer");
                    }
                    part.set(answer.is_ok());
                    stopping.run_until_cancelled(tokio::time::sleep(WATCH_EVERY)).await;
                }
            }
        });
    }

    /// Lets a context tell what it has committed, and prunes what is old.
    pub fn start_relay(&self, context: &Context, publisher: &Arc<dyn Publisher>) {
        let (database, publisher) = (context.database.clone(), Arc::clone(publisher));
        self.workers.spawn("relay", move |stopping| {
            let owner = RELAY_OWNER.to_owned();
            Relay::new(database.clone(), Arc::clone(&publisher), owner).run(stopping)
        });
        let (database, clock) = (context.database.clone(), Arc::clone(&self.clock));
        self.workers.spawn("prune", move |stopping| {
            let (database, clock) = (database.clone(), Arc::clone(&clock));
            async move {
                while stopping.run_until_cancelled(tokio::time::sleep(PRUNE_EVERY)).await.is_some()
                {
                    if let Err(error) = database.prune(clock.now()).await {
                        tracing::warn!(%error, "pruning failed and will run again");
                    }
                }
            }
        });
    }
}

/// Opens a database of the data folder, with this version's schema.
///
/// # Errors
/// [`StartError`] when it cannot be used.
pub async fn open_database(
    settings: &Settings,
    name: &str,
    migrations: Vec<Box<dyn MigrationTrait>>,
) -> Result<Database, StartError> {
    let file = settings.data_dir.join(format!("{name}.db"));
    let opened = Database::open_sqlite(&file, migrations).await;
    opened.map_err(|error| StartError::Other(format!("DATA_DIR: {error}")))
}
