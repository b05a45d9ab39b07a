//! What a context is started on, and what comes of it: the same for the all-in-one and for a server of its own.

use std::sync::Arc;

use grpc_server::{Tasks, Watchers};
use kernel::{Clock, EventHandler, IdSource};
use sea_orm_database::Database;
use tls_certificates::Certificates;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::claim::Claims;
use crate::config::Settings;
use crate::hooks::Hooks;
use crate::process::Process;
use crate::readiness::Readiness;
use crate::service_token::ServiceToken;
use crate::start_error::StartError;
use crate::system::{SystemClock, UuidV7Ids};
use crate::workers::Workers;

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
    /// What the process tells of its own health.
    pub readiness: Readiness,
    /// Cancelled when streams to clients must end.
    pub stopping: CancellationToken,
    /// Room for such streams, of all contexts of the process together.
    pub watchers: Watchers,
    /// Names this process in leases.
    pub owner: String,
    /// What its ports show over TLS.
    pub certificates: Certificates,
    service_token: ServiceToken,
    claims: Claims,
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
    /// Another database it cannot do without, and its name: a provider's own ledger.
    pub beside: Option<(&'static str, Database)>,
    /// A port of its own for what others post to it.
    pub hooks: Option<Hooks>,
}

impl Platform {
    /// The platform of this process.
    #[must_use]
    pub fn new(process: &Process) -> Self {
        let ids: Arc<dyn IdSource> = Arc::new(UuidV7Ids::default());
        Self {
            settings: process.settings.clone(),
            clock: Arc::new(SystemClock),
            owner: ids.next().to_string(),
            ids,
            tasks: process.tasks.clone(),
            workers: process.workers.clone(),
            readiness: process.readiness.clone(),
            stopping: process.stopping(),
            watchers: process.watchers.clone(),
            service_token: process.service_token.clone(),
            certificates: process.certificates.clone(),
            claims: process.claims.clone(),
        }
    }

    /// What goes with calls to the other contexts, for a context that calls some. Where an issuer grants it, it is
    /// renewed from now on, and the process is not ready before there was one.
    ///
    /// # Errors
    /// [`StartError`] when there is no secret to ask with.
    pub fn keep_service_token(&self) -> Result<ServiceToken, StartError> {
        if let Some(token) = self.service_token.kept() {
            token.check()?;
            let (name, kept) = ("service token", Arc::clone(token));
            self.readiness.needs_at_first(name, token.granted(), &self.workers);
            self.workers.spawn(name, move |stopping| {
                let token = Arc::clone(&kept);
                async move { token.keep(stopping).await }
            });
        }
        Ok(self.service_token.clone())
    }

    /// Claims a database for this process where no other may serve it too: a file of SQLite. To be
    /// called before it is opened, which may change its schema.
    ///
    /// # Errors
    /// [`StartError::Setting`] while another process has it.
    pub fn claim(&self, name: &str) -> Result<(), StartError> {
        let url = self.settings.database(name);
        let Some(file) = url.file() else { return Ok(()) };
        self.claims.take(self.settings.database_variable(), file)
    }
}
