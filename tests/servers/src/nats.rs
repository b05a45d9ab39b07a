//! A private NATS with JetStream.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use crate::account::Account;
use crate::plain_get::is_ok;
use crate::ports::free_address;
use crate::programs;
use crate::server::{Kind, Life, Server};

const CONFIGURATION: &str = "nats.conf";

#[derive(Debug)]
struct Nats {
    account: Account,
    program: PathBuf,
    folder: PathBuf,
    monitor: SocketAddr,
}

/// Starts a NATS whose streams are in `folder`, each message on disk before it is acknowledged, and waits until
/// JetStream is at work. Beside it stands the URL of its monitoring.
///
/// # Errors
/// Why it did not start.
pub fn nats(folder: &Path, life: Life) -> Result<(Server, String), String> {
    nats_that_syncs(folder, life, Some("always"))
}

/// The same for those who show this name and password alone.
///
/// # Errors
/// Why it did not start.
pub fn nats_for(
    folder: &Path,
    life: Life,
    user: &str,
    password: &str,
) -> Result<(Server, String), String> {
    let more = format!("authorization {{ user: \"{user}\", password: \"{password}\" }}\n");
    start(folder, life, Some("always"), &more)
}

/// The same with a `sync_interval` as its configuration spells it, or none at all.
///
/// # Errors
/// Why it did not start.
pub fn nats_that_syncs(
    folder: &Path,
    life: Life,
    interval: Option<&str>,
) -> Result<(Server, String), String> {
    start(folder, life, interval, "")
}

fn start(
    folder: &Path,
    life: Life,
    interval: Option<&str>,
    more: &str,
) -> Result<(Server, String), String> {
    let account = Account::ordinary()?;
    account.make_folder(folder)?;
    let program = account.reachable(&programs::tool("nats-server")?, folder)?;
    let (address, monitor) = (free_address()?, free_address()?);
    let configuration = folder.join(CONFIGURATION);
    fs::write(&configuration, configured(address, monitor, folder, interval) + more)
        .map_err(|error| format!("{}: {error}", configuration.display()))?;
    let kind = Nats { account, program, folder: folder.to_owned(), monitor };
    let url = format!("nats://{address}");
    let server = Server::start(Box::new(kind), folder, (address, url), life)?;
    Ok((server, format!("http://{monitor}")))
}

fn configured(
    address: SocketAddr,
    monitor: SocketAddr,
    folder: &Path,
    interval: Option<&str>,
) -> String {
    let store = folder.join("streams");
    let sync = interval.map_or(String::new(), |interval| format!("sync_interval: {interval}"));
    format!(
        "listen: \"{address}\"\nhttp: \"{monitor}\"\nserver_name: \"boxoffice-tests\"\nmax_payload: 262144\n\
         jetstream {{\n  store_dir: \"{}\"\n  {sync}\n  max_file_store: 4GB\n  \
         max_memory_store: 64MB\n}}\n",
        store.display()
    )
}

impl Kind for Nats {
    fn name(&self) -> &'static str {
        "nats"
    }

    fn command(&self) -> Command {
        let mut command = self.account.command(&self.program, &self.folder);
        command.arg("-c").arg(self.folder.join(CONFIGURATION));
        command
    }

    /// Its own health says whether JetStream has read its store.
    fn answers(&self, _address: SocketAddr) -> Result<(), String> {
        is_ok(self.monitor, "/healthz")
    }

    fn stop_signal(&self) -> Signal {
        Signal::TERM
    }
}
