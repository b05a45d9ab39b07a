//! A private Prometheus over a configuration of the test's own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use crate::account::Account;
use crate::plain_get::is_ok;
use crate::ports::free_address;
use crate::programs;
use crate::server::{Kind, Life, Server};

/// What it reads, in its folder.
pub const PROMETHEUS_CONFIGURATION: &str = "prometheus.yml";

#[derive(Debug)]
struct Prometheus {
    account: Account,
    program: PathBuf,
    folder: PathBuf,
    address: SocketAddr,
}

/// Starts a Prometheus over `folder`, where [`PROMETHEUS_CONFIGURATION`] stands, and waits until it answers queries.
///
/// # Errors
/// Why it did not start.
pub fn prometheus_server(folder: &Path, life: Life) -> Result<Server, String> {
    let account = Account::ordinary()?;
    account.make_folder(&folder.join("data"))?;
    let program = programs::prometheus("prometheus")?;
    let address = free_address()?;
    let kind = Prometheus { account, program, folder: folder.to_owned(), address };
    Server::start(Box::new(kind), folder, (address, format!("http://{address}")), life)
}

impl Kind for Prometheus {
    fn name(&self) -> &'static str {
        "prometheus"
    }

    fn command(&self) -> Command {
        let mut command = self.account.command(&self.program, &self.folder);
        let configuration = self.folder.join(PROMETHEUS_CONFIGURATION);
        command.arg(format!("--config.file={}", configuration.display()));
        command.arg(format!("--storage.tsdb.path={}", self.folder.join("data").display()));
        command.arg(format!("--web.listen-address={}", self.address));
        command.args(["--log.level=warn", "--enable-feature=exemplar-storage"]);
        command
    }

    fn answers(&self, address: SocketAddr) -> Result<(), String> {
        is_ok(address, "/-/ready")
    }

    fn stop_signal(&self) -> Signal {
        Signal::TERM
    }
}
