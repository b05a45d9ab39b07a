//! One process of the platform: started, killed, ended politely, started again.

use std::fs::{self, OpenOptions};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use crate::authority::https;
use crate::plain_http::{self, PlainAnswer};

const READY_WITHIN: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(25);

/// One process of the platform. It is killed when dropped.
pub struct PlatformServer {
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<&'static str>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) admin: SocketAddr,
    /// The folder that says whom to believe at its ports, if they speak TLS. Tests change it.
    pub(crate) tls: Option<PathBuf>,
    pub(crate) log: PathBuf,
    pub(crate) child: Option<Child>,
}

impl PlatformServer {
    /// `boxoffice`, or `booking-1`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Starts it over the same ports and settings, unless it runs, and does not wait.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(&mut self) {
        self.start_armed(&[]);
    }

    /// The same with more in its environment, this once.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start_armed(&mut self, more: &[(&str, &str)]) {
        if self.child.is_some() {
            return;
        }
        let log = OpenOptions::new().create(true).append(true).open(&self.log);
        let log = log.unwrap_or_else(|error| panic!("{}: {error}", self.log.display()));
        let errors = log.try_clone().unwrap_or_else(|error| panic!("log: {error}"));
        let started = self
            .command(&self.arguments)
            .envs(more.iter().copied())
            .stdout(log)
            .stderr(errors)
            .spawn();
        self.child = Some(started.unwrap_or_else(|error| panic!("{}: {error}", self.name)));
    }

    /// Starts it, unless it runs, and waits until it is ready.
    ///
    /// # Panics
    /// When it ends or is not ready in time, with its log.
    pub async fn restart(&mut self) {
        self.start();
        self.until_ready().await;
    }

    /// Waits until it is ready.
    ///
    /// # Panics
    /// When it ends or is not ready in time, with its log.
    pub async fn until_ready(&mut self) {
        let patience = Instant::now() + READY_WITHIN;
        loop {
            if let Ok(Some(status)) = self.running().try_wait() {
                panic!("{} ended with {status}:\n{}", self.name, self.log_text());
            }
            if self.is_ready().await {
                return;
            }
            assert!(patience > Instant::now(), "{} not ready:\n{}", self.name, self.log_text());
            sleep(PAUSE).await;
        }
    }

    /// Whether it says that it is ready.
    pub async fn is_ready(&self) -> bool {
        self.admin_get("/ready").await.is_ok_and(|answer| answer.status.is_success())
    }

    /// Whether its process runs.
    pub fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Its process, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// The base of its admin port's pages.
    #[must_use]
    pub fn admin_url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.admin)
    }

    /// GETs a page of its admin port.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn admin_get(&self, path: &str) -> Result<PlainAnswer, String> {
        let tls = self.tls.as_deref().map(https);
        plain_http::get(&format!("{}{path}", self.admin_url()), tls).await
    }

    /// Ends it without warning, as `kill -9` does.
    ///
    /// # Panics
    /// When it is not running.
    pub async fn kill9(&mut self) {
        let killed = self.running().kill().await;
        killed.unwrap_or_else(|error| panic!("kill -9: {error}"));
        self.child = None;
    }

    /// Waits until it has ended by itself; says whether it has in time.
    ///
    /// # Panics
    /// When it is not running.
    pub async fn ends_within(&mut self, patience: Duration) -> bool {
        let ended = tokio::time::timeout(patience, self.running().wait()).await.is_ok();
        if ended {
            self.child = None;
        }
        ended
    }

    /// Asks it to end with SIGTERM and waits until it has.
    ///
    /// # Panics
    /// When it is not running.
    pub async fn terminate(&mut self) -> ExitStatus {
        let child = self.running();
        let process = child.id().unwrap_or_else(|| panic!("it has ended"));
        let sent = servers::process::send(process, servers::Signal::TERM);
        sent.unwrap_or_else(|error| panic!("{error}"));
        let ended = child.wait().await.unwrap_or_else(|error| panic!("its end: {error}"));
        self.child = None;
        ended
    }

    /// Its program with its settings and nothing else from the test's own environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).env_clear().envs(self.environment.iter().cloned());
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// All that it has said.
    #[must_use]
    pub fn log_text(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn running(&mut self) -> &mut Child {
        let name = &self.name;
        self.child.as_mut().unwrap_or_else(|| panic!("{name} is not running"))
    }
}
