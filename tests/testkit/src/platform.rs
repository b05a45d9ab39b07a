//! The real programs as child processes on free ports over a folder of their own, in the shape that is tested.

mod child;
mod plan;
mod shape;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use boxoffice::http::HttpClient;
use futures::future::join_all;
use servers::{Life, Scratch, Server};
use tempfile::TempDir;
use tokio::process::Command;

use crate::authority::https;
use crate::eventually_within;
use crate::place::binary;
use crate::plain_http::PlainAnswer;
use crate::private_data::{private_data, secrets_of};

pub use child::PlatformServer;
pub use plan::Plan;
use plan::Processes;
pub use shape::Shape;

const REFUSED_WITHIN: Duration = Duration::from_secs(20);
const AUDIT_CLEAN_WITHIN: Duration = Duration::from_secs(60);

/// A running platform. It is killed when dropped; its folder goes too. Its logs must then hold nothing private.
pub struct Platform {
    /// Calls its REST interface, the first gateway's.
    pub http: HttpClient,
    // Dropped in this order: the processes, the bus under them, its folder, theirs.
    processes: Processes,
    nats: Option<Server>,
    _scratch: Option<Scratch>,
    folder: TempDir,
    tls: Option<PathBuf>,
    tokens: Mutex<HashMap<Vec<String>, String>>,
}

impl Platform {
    /// Starts a fresh platform in the chosen shape and waits until it is ready.
    ///
    /// # Panics
    /// When it ends or is not ready in time, with its log.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts a fresh platform with more settings from the environment and waits until it is ready.
    ///
    /// # Panics
    /// When it ends or is not ready in time, with its log.
    pub async fn start_with(settings: &[(&str, &str)]) -> Self {
        let plan = Plan::of(Shape::chosen());
        Self::start_as(settings.iter().fold(plan, |plan, (name, value)| plan.with(name, value)))
            .await
    }

    /// Starts a fresh platform as planned and waits until all of it is ready.
    ///
    /// # Panics
    /// When it ends or is not ready in time, with its log.
    pub async fn start_as(plan: Plan) -> Self {
        let mut platform = Self::set_up(&plan);
        platform.migrate().await;
        platform.restart().await;
        platform
    }

    /// Makes a platform's folder and bus, and starts none of its processes.
    ///
    /// # Panics
    /// When its bus does not start.
    #[must_use]
    pub fn set_up(plan: &Plan) -> Self {
        let folder = temporary_folder();
        let (nats, scratch) = if plan.needs_nats() {
            let (nats, scratch) = private_nats().unwrap_or_else(|error| panic!("{error}"));
            (Some(nats), Some(scratch))
        } else {
            (None, None)
        };
        let processes = plan.lay_out(folder.path(), nats.as_ref().map(Server::url));
        let http = client(processes.first_gateway(), plan.tls.as_deref());
        let tokens = Mutex::default();
        let tls = plan.tls.clone();
        Self { http, processes, nats, _scratch: scratch, folder, tls, tokens }
    }

    /// Brings the databases to the programs' schema, where that is a step of its own.
    ///
    /// # Panics
    /// When a migration fails, with what it said.
    pub async fn migrate(&self) {
        let first = |server: &&PlatformServer| server.name.ends_with("-1");
        let contexts = self.processes.servers.iter().filter(first);
        let migrations = contexts.filter(|server| !server.name.starts_with("gateway"));
        let migrate = async |server: &PlatformServer| {
            let (code, said) = run(server.command(&["migrate"])).await;
            assert_eq!(code, 0, "{} migrate: {said}", server.name);
        };
        join_all(migrations.map(migrate)).await;
    }

    /// Starts every process that does not run, over the same folder and ports, and waits until all are ready.
    ///
    /// # Panics
    /// When one ends or is not ready in time, with its log.
    pub async fn restart(&mut self) {
        self.processes.servers.iter_mut().for_each(PlatformServer::start);
        join_all(self.processes.servers.iter_mut().map(PlatformServer::until_ready)).await;
    }

    /// Ends every process without warning, as `kill -9` does.
    ///
    /// # Panics
    /// When one is not running.
    pub async fn kill9(&mut self) {
        join_all(self.processes.servers.iter_mut().map(PlatformServer::kill9)).await;
    }

    /// Asks every process to end with SIGTERM and waits until all have; gives the worst of how they ended.
    ///
    /// # Panics
    /// When one is not running.
    pub async fn terminate(&mut self) -> ExitStatus {
        let ended = self.processes.servers.iter_mut().map(PlatformServer::terminate);
        let ended = join_all(ended).await;
        ended.into_iter().max_by_key(|status| !status.success()).unwrap_or_default()
    }

    /// The processes, those of the gateway last.
    pub fn servers(&mut self) -> &mut [PlatformServer] {
        &mut self.processes.servers
    }

    /// The names and ids of all that run, the bus among them.
    #[must_use]
    pub fn processes(&self) -> Vec<(String, u32)> {
        let servers = self.processes.servers.iter();
        let servers = servers.filter_map(|server| Some((server.name.clone(), server.pid()?)));
        servers.chain(self.nats.as_ref().and_then(named)).collect()
    }

    /// One process by its name: `booking-1`; `boxoffice` where there is but one.
    ///
    /// # Panics
    /// When there is none of that name.
    pub fn server(&mut self, name: &str) -> &mut PlatformServer {
        let found = self.processes.servers.iter_mut().find(|server| server.name == name);
        found.unwrap_or_else(|| panic!("no {name} in this shape"))
    }

    /// The platform's own NATS, where its shape has one.
    pub const fn nats(&mut self) -> Option<&mut Server> {
        self.nats.as_mut()
    }

    /// A client for each gateway.
    #[must_use]
    pub fn gateways(&self) -> Vec<HttpClient> {
        let tls = self.tls.as_deref();
        self.processes.gateways.iter().map(|address| client(*address, tls)).collect()
    }

    /// Starts a platform in one process that must refuse to, with these settings, and gives its exit code and what
    /// it said.
    ///
    /// # Panics
    /// When it runs on.
    pub async fn fails_to_start(settings: &[(&str, &str)]) -> (i32, String) {
        let folder = temporary_folder();
        let plan = Plan::of(Shape::Embedded);
        let plan = settings.iter().fold(plan, |plan, (name, value)| plan.with(name, value));
        let processes = plan.lay_out(folder.path(), None);
        let boxoffice = processes.servers.first().unwrap_or_else(|| panic!("one process"));
        let refused =
            tokio::time::timeout(REFUSED_WITHIN, run(boxoffice.command(&["serve"]))).await;
        refused.unwrap_or_else(|_| panic!("the platform runs on with {settings:?}"))
    }

    /// Runs another command of `boxoffice` with this platform's settings; gives its exit code and what it said.
    ///
    /// # Panics
    /// When it cannot be run.
    pub async fn command(&self, arguments: &[&str]) -> (i32, String) {
        run(Command::from(self.boxoffice(arguments))).await
    }

    /// The same with settings of its own, and no platform running under them.
    ///
    /// # Panics
    /// When it cannot be run.
    pub async fn command_alone(arguments: &[&str]) -> (i32, String) {
        let folder = temporary_folder();
        let beside = Plan::of(Shape::Embedded).lay_out(folder.path(), None).beside;
        run(Command::from(boxoffice(arguments, &beside))).await
    }

    /// `host:port` of REST.
    #[must_use]
    pub fn rest_addr(&self) -> String {
        self.processes.first_gateway().to_string()
    }

    /// `host:port` of a context's gRPC: `booking`; of the gateway's, where it is a process of its own.
    ///
    /// # Panics
    /// When there is no such server.
    #[must_use]
    pub fn grpc_addr(&self, server: &str) -> String {
        let found = self.processes.grpc.iter().find(|(name, _)| *name == server);
        found.unwrap_or_else(|| panic!("no server is called {server}")).1.to_string()
    }

    /// `host:port` of gRPC of every replica of a context: `booking`.
    #[must_use]
    pub fn grpc_addrs(&self, server: &str) -> Vec<String> {
        let is_one = |name: &str| name.rsplit_once('-').is_none_or(|(of, _)| of == server);
        let replicas = self.processes.servers.iter().filter(|replica| is_one(&replica.name));
        let address = |replica: &PlatformServer| {
            let set = replica.environment.iter().find(|(name, _)| name == "GRPC_ADDR");
            set.map(|(_, address)| address.clone())
        };
        replicas.filter_map(address).collect()
    }

    /// The folder with the key, the logs, and the databases that are files.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        self.folder.path()
    }

    /// The URL of a context's database, or of the provider's: `ticket`, `provider`.
    #[must_use]
    pub fn database_url(&self, name: &str) -> String {
        let set = |variable: &str| {
            let found = self.processes.beside.iter().find(|(known, _)| known == variable);
            found.map(|(_, value)| value.clone())
        };
        let file = || format!("sqlite:{}", self.data_dir().join(format!("{name}.db")).display());
        set(&format!("{}_DATABASE_URL", name.to_uppercase()))
            .or_else(|| Some(format!("{}_{name}", set("DATABASE_URL")?)))
            .unwrap_or_else(file)
    }

    /// GETs a page of the first process' admin port.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn admin_get(&self, path: &str) -> PlainAnswer {
        let first = self.processes.servers.first().unwrap_or_else(|| panic!("no process"));
        first.admin_get(path).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// GETs a page of every process' admin port, each with the process' name.
    ///
    /// # Errors
    /// When one does not answer.
    pub async fn every_admin_get(&self, path: &str) -> Result<Vec<(&str, PlainAnswer)>, String> {
        let get = async |server| {
            let server: &PlatformServer = server;
            Ok((server.name(), server.admin_get(path).await?))
        };
        join_all(self.processes.servers.iter().map(get)).await.into_iter().collect()
    }

    /// GETs a page of a process' admin port: of `booking-1`.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn admin_get_of(&self, name: &str, path: &str) -> Result<PlainAnswer, String> {
        let found = self.processes.servers.iter().find(|server| server.name == name);
        found.ok_or_else(|| format!("no {name} in this shape"))?.admin_get(path).await
    }

    /// A buyer's token.
    ///
    /// # Panics
    /// When none is given.
    #[must_use]
    pub fn buyer(&self, name: &str) -> String {
        self.token(&["--role", "buyer", "--sub", name])
    }

    /// An organizer's token.
    ///
    /// # Panics
    /// When none is given.
    #[must_use]
    pub fn organizer(&self, name: &str) -> String {
        self.token(&["--role", "organizer", "--organizer", name])
    }

    /// A token of the development issuer with these arguments; the same ones give the same token again.
    ///
    /// # Panics
    /// When none is given.
    #[must_use]
    pub fn token(&self, arguments: &[&str]) -> String {
        let key: Vec<_> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.entry(key).or_insert_with(|| self.issue(arguments)).clone()
    }

    /// Waits until `boxoffice audit` finds nothing: what is under way may still come to its end.
    ///
    /// # Panics
    /// When it still finds something at last, with what it found.
    pub async fn audit_is_clean(&self) {
        self.audit_is_clean_within(AUDIT_CLEAN_WITHIN).await;
    }

    /// The same after so much load that its events take their time.
    ///
    /// # Panics
    /// As above.
    pub async fn audit_is_clean_within(&self, patience: Duration) {
        eventually_within(patience, "a clean audit", || async {
            let (code, said) = self.command(&["audit"]).await;
            if code == 0 { Ok(()) } else { Err(format!("exit {code}\n{said}")) }
        })
        .await;
    }

    /// What of a text is nobody's business but its owner's: tokens, e-mail addresses, card-like numbers, and the secrets
    /// that this platform was given.
    #[must_use]
    pub fn private_in(&self, text: &str) -> Vec<String> {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let settings = self.processes.servers.iter().flat_map(|server| &server.environment);
        let kept = settings.flat_map(|(name, value)| secrets_of(name, value));
        let kept = kept.chain(tokens.values().cloned());
        let secrets = kept.filter(|secret| text.contains(secret.as_str()));
        let secrets = secrets.map(|secret| format!("a secret: {secret}"));
        secrets.chain(private_data(text)).collect()
    }

    fn issue(&self, arguments: &[&str]) -> String {
        let output = self.boxoffice(&[&["token"], arguments].concat()).output();
        let output = output.unwrap_or_else(|error| panic!("boxoffice: {error}"));
        let refusal = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "boxoffice token {arguments:?}: {refusal}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn boxoffice(&self, arguments: &[&str]) -> std::process::Command {
        boxoffice(arguments, &self.processes.beside)
    }
}

impl Processes {
    fn first_gateway(&self) -> SocketAddr {
        *self.gateways.first().unwrap_or_else(|| panic!("no gateway"))
    }
}

/// Calls a gateway, over TLS where there is a folder with whom to believe.
fn client(gateway: SocketAddr, tls: Option<&Path>) -> HttpClient {
    match tls {
        None => HttpClient::new(format!("http://{gateway}")),
        Some(folder) => HttpClient::over_tls(format!("https://{gateway}"), https(folder)),
    }
}

fn named(server: &Server) -> Option<(String, u32)> {
    Some((server.name().to_owned(), server.pid()?))
}

impl Drop for Platform {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for server in &self.processes.servers {
                #[expect(
                    clippy::print_stderr,
                    reason = "the log belongs to the failed test's own output"
                )]
                {
                    eprintln!("--- the log of {}\n{}", server.name, server.log_text());
                }
            }
            return;
        }
        for server in &self.processes.servers {
            let found = self.private_in(&server.log_text());
            assert!(found.is_empty(), "the log of {} holds private data: {found:#?}", server.name);
        }
    }
}

fn boxoffice(arguments: &[&str], environment: &[(String, String)]) -> std::process::Command {
    let mut command = std::process::Command::new(binary("boxoffice"));
    command.args(arguments).env_clear().envs(environment.iter().cloned()).stdin(Stdio::null());
    command
}

/// Runs a command to its end; gives its exit code and what it said.
async fn run(mut command: Command) -> (i32, String) {
    let output = command.kill_on_drop(true).output().await;
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap_or(-1), said.into_owned())
}

fn temporary_folder() -> TempDir {
    tempfile::tempdir().unwrap_or_else(|error| panic!("a temporary folder: {error}"))
}

/// A platform's messages are its own, as its databases are.
fn private_nats() -> Result<(Server, Scratch), String> {
    let scratch = Scratch::fresh("nats")?;
    let (nats, _monitor) = servers::nats(&scratch.path().join("data"), Life::WithStarter)?;
    Ok((nats, scratch))
}
