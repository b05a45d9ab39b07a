//! The real binary as a child process on free ports over a folder of its own.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use boxoffice::http::HttpClient;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::eventually;
use crate::place::binary;
use crate::plain_http::{self, PlainAnswer};

const READY_WITHIN: Duration = Duration::from_secs(60);
const REFUSED_WITHIN: Duration = Duration::from_secs(20);

/// A quick provider that always approves, so that only what a test scripts goes wrong.
const PROVIDER: [(&str, &str); 4] = [
    ("PAYMENT_SUCCESS_RATE", "1"),
    ("PAYMENT_PROCESSING_MIN_MS", "1"),
    ("PAYMENT_PROCESSING_MAX_MS", "20"),
    ("PAYMENT_SEED", "1"),
];

/// A running platform. It is killed when dropped; its folder goes too.
pub struct Platform {
    /// Calls its REST interface.
    pub http: HttpClient,
    settings: Settings,
    child: Option<Child>,
    tokens: Mutex<HashMap<Vec<String>, String>>,
}

/// What a platform keeps when it is killed: its folder, its ports, its settings.
struct Settings {
    folder: TempDir,
    rest: SocketAddr,
    grpc: SocketAddr,
    admin: SocketAddr,
    extra: Vec<(String, String)>,
}

impl Platform {
    /// Starts a fresh platform and waits until it is ready.
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
    pub async fn start_with(extra: &[(&str, &str)]) -> Self {
        let settings = Settings::fresh(extra);
        let http = HttpClient::new(format!("http://{}", settings.rest));
        let mut platform = Self { http, settings, child: None, tokens: Mutex::default() };
        platform.restart().await;
        platform
    }

    /// Starts the platform again over the same folder and ports and waits until it is ready.
    ///
    /// # Panics
    /// When it ends or is not ready in time, with its log.
    pub async fn restart(&mut self) {
        let log = self.settings.log();
        let output = || Stdio::from(log.try_clone().unwrap_or_else(|error| panic!("log: {error}")));
        let mut command = self.settings.command(&["serve"]);
        let started = command.stdout(output()).stderr(output()).spawn();
        let mut child = started.unwrap_or_else(|error| panic!("{}: {error}", binary().display()));
        let ready = format!("http://{}/ready", self.settings.admin);
        let patience = tokio::time::Instant::now() + READY_WITHIN;
        loop {
            if let Ok(Some(status)) = child.try_wait() {
                panic!("the platform ended with {status}:\n{}", self.settings.log_text());
            }
            let answer = plain_http::get(&ready).await;
            if answer.is_ok_and(|answer| answer.status.is_success()) {
                break;
            }
            assert!(
                patience > tokio::time::Instant::now(),
                "not ready:\n{}",
                self.settings.log_text()
            );
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        self.child = Some(child);
    }

    /// Ends the process without warning, as `kill -9` does.
    ///
    /// # Panics
    /// When it is not running.
    pub async fn kill9(&mut self) {
        let killed = self.running().kill().await;
        killed.unwrap_or_else(|error| panic!("kill -9: {error}"));
        self.child = None;
    }

    /// Asks the process to end with SIGTERM and waits until it has.
    ///
    /// # Panics
    /// When it is not running.
    pub async fn terminate(&mut self) -> ExitStatus {
        let child = self.running();
        let process = child.id().unwrap_or_else(|| panic!("the platform has ended")).to_string();
        // The shell's own kill is on every machine; a safe call for it would be one more dependency.
        let sent = Command::new("sh").args(["-c", r#"kill -TERM "$0""#, &process]).status().await;
        assert!(sent.is_ok_and(|status| status.success()), "SIGTERM was not sent");
        let ended =
            child.wait().await.unwrap_or_else(|error| panic!("waiting for its end: {error}"));
        self.child = None;
        ended
    }

    /// Starts a platform that must refuse to, with these settings, and gives its exit code and what it said.
    ///
    /// # Panics
    /// When it runs on.
    pub async fn fails_to_start(extra: &[(&str, &str)]) -> (i32, String) {
        let settings = Settings::fresh(extra);
        let refused =
            tokio::time::timeout(REFUSED_WITHIN, settings.command(&["serve"]).output()).await;
        let output = match refused {
            Ok(output) => output.unwrap_or_else(|error| panic!("{}: {error}", binary().display())),
            Err(_) => panic!("the platform runs on with {extra:?}"),
        };
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code().unwrap_or(-1), stderr)
    }

    /// Runs another command of the binary with this platform's settings; gives its exit code and what it said.
    ///
    /// # Panics
    /// When it cannot be run.
    pub async fn command(&self, arguments: &[&str]) -> (i32, String) {
        self.settings.run(arguments).await
    }

    /// The same with settings of its own, and no platform running under them.
    ///
    /// # Panics
    /// When it cannot be run.
    pub async fn command_alone(arguments: &[&str]) -> (i32, String) {
        Settings::fresh(&[]).run(arguments).await
    }

    /// `host:port` of REST.
    #[must_use]
    pub fn rest_addr(&self) -> String {
        self.settings.rest.to_string()
    }

    /// `host:port` of gRPC.
    #[must_use]
    pub fn grpc_addr(&self) -> String {
        self.settings.grpc.to_string()
    }

    /// The folder with its databases and key.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        self.settings.folder.path()
    }

    /// GETs a page of the admin port.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn admin_get(&self, path: &str) -> PlainAnswer {
        let url = format!("http://{}{path}", self.settings.admin);
        plain_http::get(&url).await.unwrap_or_else(|error| panic!("{error}"))
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
        tokens.entry(key).or_insert_with(|| self.settings.issue(arguments)).clone()
    }

    /// Waits until `boxoffice audit` finds nothing: what is under way may still come to its end.
    ///
    /// # Panics
    /// When it still finds something at last, with what it found.
    pub async fn audit_is_clean(&self) {
        eventually("a clean audit", || async {
            let audit = self
                .settings
                .command(&["audit"])
                .output()
                .await
                .map_err(|error| error.to_string())?;
            let said =
                String::from_utf8_lossy(&audit.stdout) + String::from_utf8_lossy(&audit.stderr);
            if audit.status.success() { Ok(()) } else { Err(format!("{}\n{said}", audit.status)) }
        })
        .await;
    }

    fn running(&mut self) -> &mut Child {
        self.child.as_mut().unwrap_or_else(|| panic!("the platform is not running"))
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        if std::thread::panicking() {
            #[expect(
                clippy::print_stderr,
                reason = "the log belongs to the failed test's own output"
            )]
            {
                eprintln!("--- the platform's log\n{}", self.settings.log_text());
            }
        }
    }
}

impl Settings {
    fn fresh(extra: &[(&str, &str)]) -> Self {
        let folder =
            tempfile::tempdir().unwrap_or_else(|error| panic!("a temporary folder: {error}"));
        let extra =
            extra.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let free_address = || servers::free_address().unwrap_or_else(|error| panic!("{error}"));
        Self { folder, rest: free_address(), grpc: free_address(), admin: free_address(), extra }
    }

    async fn run(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.command(arguments).output().await;
        let output = output.unwrap_or_else(|error| panic!("{}: {error}", binary().display()));
        let said =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        (output.status.code().unwrap_or(-1), said.into_owned())
    }

    /// The binary with these settings and nothing else from the test's own environment.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::from(self.plain_command(arguments));
        command.kill_on_drop(true);
        command
    }

    fn plain_command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(binary());
        command.args(arguments).env_clear().stdin(Stdio::null());
        command.env("DATA_DIR", self.folder.path());
        command.env("REST_ADDR", self.rest.to_string());
        command.env("GRPC_ADDR", self.grpc.to_string());
        command.env("ADMIN_ADDR", self.admin.to_string());
        command.envs(PROVIDER).envs(self.extra.iter().map(|(name, value)| (name, value)));
        command
    }

    fn issue(&self, arguments: &[&str]) -> String {
        let output = self.plain_command(&[&["token"], arguments].concat()).output();
        let output = output.unwrap_or_else(|error| panic!("{}: {error}", binary().display()));
        let refusal = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "boxoffice token {arguments:?}: {refusal}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("platform.log")
    }

    fn log(&self) -> File {
        let log = OpenOptions::new().create(true).append(true).open(self.log_path());
        log.unwrap_or_else(|error| panic!("{}: {error}", self.log_path().display()))
    }

    fn log_text(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }
}
