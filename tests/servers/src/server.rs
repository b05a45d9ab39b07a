//! A real server over a folder of its own and a port that stays the same: started, killed, started again, stopped.

use std::fmt::Debug;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::process::{descendants, kill_tree, send, wait_gone};

const READY_WITHIN: Duration = Duration::from_secs(60);
const STOPPED_WITHIN: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(20);
const LOG_SHOWN: usize = 4_000;

/// What differs from one kind of server to the next.
pub(crate) trait Kind: Debug + Send + Sync {
    fn name(&self) -> &'static str;
    fn command(&self) -> Command;
    /// Speaks with the server; `Ok` once it does its work.
    fn answers(&self, address: SocketAddr) -> Result<(), String>;
    /// What makes it end without waiting for its clients.
    fn stop_signal(&self) -> Signal;
}

/// How long a server is meant to live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// As long as the process that starts it, and no longer than its terminal's Ctrl-C.
    WithStarter,
    /// Until somebody stops it.
    OnItsOwn,
}

/// A real server. It is killed when dropped; its folder stays.
#[derive(Debug)]
pub struct Server {
    kind: Box<dyn Kind>,
    folder: PathBuf,
    address: SocketAddr,
    url: String,
    life: Life,
    child: Option<Child>,
}

impl Server {
    /// Starts it and waits until it answers.
    pub(crate) fn start(
        kind: Box<dyn Kind>,
        folder: &Path,
        (address, url): (SocketAddr, String),
        life: Life,
    ) -> Result<Self, String> {
        let folder = folder.to_owned();
        let mut server = Self { kind, folder, address, url, life, child: None };
        server.restart()?;
        Ok(server)
    }

    /// What the kind is called: `postgres`, `mariadb`, `nats`, `collector`, `prometheus`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.kind.name()
    }

    /// The URL without a database's name.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Starts it again over the same folder and port and waits until it answers; one that runs is left alone.
    ///
    /// # Errors
    /// When it ends or does not answer in time, with the end of its log.
    pub fn restart(&mut self) -> Result<(), String> {
        if self.child.is_some() {
            return Ok(());
        }
        let log = self.log_path();
        let log = File::options().create(true).append(true).open(&log);
        let log = log.map_err(|error| format!("{}: {error}", self.log_path().display()))?;
        let errors = log.try_clone().map_err(|error| format!("log: {error}"))?;
        let mut command = self.kind.command();
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        if self.life == Life::OnItsOwn {
            command.process_group(0);
        }
        let child = command.spawn().map_err(|error| format!("{}: {error}", self.name()))?;
        self.child = Some(child);
        self.wait_until_it_answers()
    }

    /// Ends it and all its processes without warning, as a power failure does.
    ///
    /// # Errors
    /// When they do not end.
    pub fn kill9(&mut self) -> Result<(), String> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let family = descendants(child.id());
        kill_tree(child.id())?;
        child.wait().map_err(|error| format!("{}: {error}", self.name()))?;
        wait_gone(&family)
    }

    /// Asks it to end and waits until it has, with what it has started: a program that only starts another one ends
    /// alone.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(&mut self) -> Result<(), String> {
        let Some(child) = self.child.as_mut() else { return Ok(()) };
        let family = descendants(child.id());
        send(child.id(), self.kind.stop_signal())?;
        let patience = Instant::now() + STOPPED_WITHIN;
        while Instant::now() < patience {
            if child.try_wait().is_ok_and(|ended| ended.is_some()) {
                self.child = None;
                for member in &family {
                    send(*member, Signal::KILL)?;
                }
                return wait_gone(&family);
            }
            sleep(PAUSE);
        }
        self.kill9()
    }

    /// Its process, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Lets it run on when this process ends; its id is what is left of it.
    #[must_use]
    pub fn leave_running(mut self) -> u32 {
        self.child.take().map_or(0, |child| child.id())
    }

    fn wait_until_it_answers(&mut self) -> Result<(), String> {
        let patience = Instant::now() + READY_WITHIN;
        loop {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            if let Some(status) = ended {
                self.child = None;
                return Err(format!("{} ended with {status}:\n{}", self.name(), self.log()));
            }
            let refusal = match self.kind.answers(self.address) {
                Ok(()) => return Ok(()),
                Err(refusal) => refusal,
            };
            if Instant::now() > patience {
                return Err(format!("{} is not ready: {refusal}\n{}", self.name(), self.log()));
            }
            sleep(PAUSE);
        }
    }

    fn log_path(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn log(&self) -> String {
        let text = fs::read_to_string(self.log_path()).unwrap_or_default();
        let from = text.ceil_char_boundary(text.len().saturating_sub(LOG_SHOWN));
        text.get(from..).unwrap_or_default().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // There is nobody to tell, and the next one takes another folder and port.
        let _ended = self.kill9();
    }
}
