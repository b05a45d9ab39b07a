//! A process: what it has from the start, the doors it serves, and what it closes at the end.

use std::fmt::Display;
use std::net::SocketAddr;

use futures::future::BoxFuture;
use grpc_server::{
    Drained, Health, Listener, ListenerSettings, PeerAddresses, Peers, Server, ServerSettings,
    Tasks, Verifier, Watchers,
};
use telemetry_metrics::before_reading;
use telemetry_metrics::names::{GRPC_CALLS_IN_FLIGHT, NONE, WATCHERS};
use tls_certificates::{Acceptor, Certificates, Protocol};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;
use tonic::transport::Channel;

use crate::admin::Admin;
use crate::claim::Claims;
use crate::config::Settings;
use crate::file_limit;
use crate::oidc::{FetchedKeys, Trust};
use crate::readiness::{Part, Readiness};
use crate::service_token::ServiceToken;
use crate::start_error::StartError;
use crate::telemetry;
use crate::tls;
use crate::workers::Workers;

/// Binds a port, on which connections begin as this acceptor has them begin.
///
/// # Errors
/// [`StartError::Port`] with the name of the variable that holds the address.
pub async fn bind(
    name: &'static str,
    address: SocketAddr,
    settings: ListenerSettings,
    acceptor: Acceptor,
) -> Result<Listener, StartError> {
    let bound = Listener::bind(address, settings).await;
    let bound = bound.map_err(|cause| StartError::Port { name, address, cause })?;
    Ok(bound.accepting(acceptor))
}

/// What every server of the house has. Bind every port before [`Process::run`] begins to serve.
pub struct Process {
    /// The settings it was started with.
    pub settings: Settings,
    /// Whether it can do its work; add a part for everything it needs.
    pub readiness: Readiness,
    /// Its background loops.
    pub workers: Workers,
    /// Its handler bodies.
    pub tasks: Tasks,
    /// Its streams that wait for news.
    pub watchers: Watchers,
    /// Whose tokens it trusts.
    pub verifier: Verifier,
    /// What its own calls to our servers carry.
    pub service_token: ServiceToken,
    /// What its ports and its calls over TLS show.
    pub certificates: Certificates,
    /// Where the admin port listens.
    pub admin_address: SocketAddr,
    pub(crate) fetched: Option<FetchedKeys>,
    pub(crate) doors_open: Part,
    pub(crate) health: Option<Health>,
    pub(crate) draining: CancellationToken,
    pub(crate) told: Vec<(&'static str, watch::Receiver<bool>)>,
    pub(crate) outer: Stage,
    pub(crate) inner: Stage,
    pub(crate) admin: Stage,
    pub(crate) closing: Vec<BoxFuture<'static, ()>>,
    pub(crate) claims: Claims,
}

type Serving = BoxFuture<'static, Result<Drained, String>>;

/// Doors that close together.
#[derive(Default)]
pub(crate) struct Stage {
    pub(crate) stopping: CancellationToken,
    pub(crate) running: TaskTracker,
    pub(crate) doors: Vec<(&'static str, Serving)>,
}

impl Process {
    /// Opens the admin port and serves it, before anything else; then sees to whose tokens count.
    ///
    /// # Errors
    /// [`StartError`] that names the setting to change.
    pub async fn begin(settings: Settings) -> Result<Self, StartError> {
        let readiness = Readiness::new();
        let doors_open = readiness.part("doors");
        let certificates = settings.tls.load()?;
        let acceptor = certificates.acceptor(Protocol::Http1);
        let port = Admin::bind(settings.admin_addr, acceptor, readiness.clone()).await?;
        let (admin_address, admin) = (port.address(), Stage::default());
        admin.running.spawn(port.serve(admin.stopping.clone()));
        file_limit::raise();
        let Trust { verifier, service_token, fetched } = Trust::new(&settings)?;
        let workers = Workers::new();
        if let Some(file) = settings.telemetry.log_level_file.clone() {
            workers.spawn("log level", move |stopping| {
                let file = file.clone();
                async move { telemetry::keep(&file, stopping).await }
            });
        }
        if settings.tls.any() {
            let looked_at = certificates.clone();
            workers.spawn("tls", move |stopping| tls::keep(looked_at.clone(), stopping));
        }
        let (max, each_max) = (settings.watchers_max, settings.watchers_per_subject_max);
        let watchers = Watchers::new(max as usize, each_max as usize);
        Ok(Self {
            settings,
            readiness,
            workers,
            tasks: Tasks::new(),
            watchers,
            verifier,
            service_token,
            certificates,
            fetched,
            admin_address,
            doors_open,
            health: None,
            draining: CancellationToken::new(),
            told: Vec::new(),
            outer: Stage::default(),
            inner: Stage::default(),
            admin,
            closing: Vec::new(),
            claims: Claims::default(),
        })
    }

    /// Cancelled when the doors to the outside close. Streams to clients MUST end with it.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.outer.stopping.clone()
    }

    /// Cancelled when the process has said that it is not ready: it goes on serving for the configured
    /// delay, and clients that have no health to watch are to be asked to go elsewhere.
    #[must_use]
    pub fn draining(&self) -> CancellationToken {
        self.draining.clone()
    }

    /// Routes with health and reflection for these services; add the services to them. Health
    /// follows the readiness of the process.
    ///
    /// # Errors
    /// [`StartError`] when the contract's descriptors cannot be read, which a test rules out.
    pub async fn routes(&mut self, services: &[&'static str]) -> Result<Routes, StartError> {
        let health = Health::new(services).await;
        let routes = health.routes(self.stopping());
        self.health = Some(health);
        routes.map_err(|error| StartError::Other(format!("the contract: {error}")))
    }

    /// Routes with health and reflection as clients from outside are to see them: of these services alone, whose
    /// descriptors these are. To be asked for after [`Process::routes`].
    ///
    /// # Errors
    /// [`StartError`] when the descriptors cannot be read, which a test rules out.
    pub fn public_routes(
        &self,
        services: &[String],
        descriptors: &[u8],
    ) -> Result<Routes, StartError> {
        let health = self.health.as_ref();
        let health =
            health.ok_or_else(|| StartError::Other("there is no health yet".to_owned()))?;
        let routes = health.public_routes(services, descriptors, self.stopping());
        routes.map_err(|error| StartError::Other(format!("the contract: {error}")))
    }

    /// The server of these routes, with the limits of the settings.
    #[must_use]
    pub fn server(&self, routes: Routes) -> Server {
        let settings = ServerSettings {
            in_flight_max: self.settings.in_flight_max as usize,
            subject_rate: self.settings.rates.of_subjects(),
            drain: std::time::Duration::from_millis(self.settings.shutdown_drain_ms),
        };
        let server = Server::new(routes, self.verifier.clone(), settings);
        let (counted, watchers) = (server.clone(), self.watchers.clone());
        before_reading(move || {
            let number = |count| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
            GRPC_CALLS_IN_FLIGHT.set(NONE, number(counted.in_flight()));
            WATCHERS.set(NONE, number(watchers.held()));
            true
        });
        server
    }

    /// Adds a door to the outside: a bound port and how it is served until its token is cancelled.
    pub fn outer_door<F, E: Display>(
        &mut self,
        name: &'static str,
        serve: impl FnOnce(CancellationToken) -> F,
    ) where
        F: Future<Output = Result<Drained, E>> + Send + 'static,
    {
        self.outer.add(name, serve);
    }

    /// Adds a door for callers in this process; it closes once the outer ones are closed and what
    /// they let in has ended.
    pub fn inner_door<F, E: Display>(
        &mut self,
        name: &'static str,
        serve: impl FnOnce(CancellationToken) -> F,
    ) where
        F: Future<Output = Result<Drained, E>> + Send + 'static,
    {
        self.inner.add(name, serve);
    }

    /// A channel to the replicas of another server, which are looked for as long as calls may need it.
    /// With `at_first` this process is not ready before it has reached one of them once.
    ///
    /// # Errors
    /// [`StartError::Setting`] where they are to be called over TLS and nobody says whom to believe.
    pub fn peer(
        &mut self,
        name: &'static str,
        addresses: &PeerAddresses,
        at_first: bool,
    ) -> Result<Channel, StartError> {
        let (peers, channel) = Peers::new(addresses);
        let peers = match (addresses.ask_for_tls(), self.certificates.client()) {
            (false, _) => peers,
            (true, Some(tls)) => peers.over_tls(tls),
            (true, None) => {
                let problem = format!("is needed: {name} is to be called at {addresses}");
                return Err(StartError::Setting { name: "TLS_CA_FILE", problem });
            }
        };
        if at_first {
            self.needs_at_first(name, peers.reached());
        }
        self.inner_door(name, move |stopping| async move {
            peers.run(stopping).await;
            Ok::<_, String>(Drained::Cleanly)
        });
        Ok(channel)
    }

    /// Adds a part without which the process cannot begin: once there, its absence stops nothing.
    pub fn needs_at_first(&self, name: &'static str, reached: watch::Receiver<bool>) {
        self.readiness.needs_at_first(name, reached, &self.workers);
    }

    /// Lets health say under a name of its own what is true now and at every change.
    pub fn tell_health(&mut self, name: &'static str, what: watch::Receiver<bool>) {
        self.told.push((name, what));
    }

    /// Adds something to close at the very end, such as a database. Closed in the order of adding.
    pub fn close_at_end(&mut self, closing: impl Future<Output = ()> + Send + 'static) {
        self.closing.push(Box::pin(closing));
    }
}

impl Stage {
    fn add<F, E: Display>(&mut self, name: &'static str, serve: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = Result<Drained, E>> + Send + 'static,
    {
        let serving = serve(self.stopping.clone());
        self.doors.push((name, Box::pin(async { serving.await.map_err(|e| e.to_string()) })));
    }
}

impl std::fmt::Debug for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Process").field("settings", &self.settings).finish_non_exhaustive()
    }
}
