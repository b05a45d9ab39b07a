//! A private collector of traces: rotel, which takes OTLP in both its ways and passes it on, or drops it.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::account::Account;
use crate::ports::free_address;
use crate::programs;
use crate::server::{Kind, Life, Server};

const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

#[derive(Debug)]
struct Collector {
    account: Account,
    program: PathBuf,
    folder: PathBuf,
    grpc: SocketAddr,
    http: SocketAddr,
    onward: Option<String>,
}

/// Starts a collector over `folder` that takes OTLP over gRPC at its URL and passes all traces on to `onward`, which
/// speaks OTLP over gRPC; without one it drops them. Beside it stands the URL where it takes OTLP over HTTP.
///
/// # Errors
/// Why it did not start.
pub fn collector(
    folder: &Path,
    onward: Option<&str>,
    life: Life,
) -> Result<(Server, String), String> {
    let account = Account::ordinary()?;
    account.make_folder(folder)?;
    let program = programs::tool("rotel-agent")?;
    // The tool is a link, which another user may not be able to follow.
    let program = program.canonicalize().map_err(|error| format!("rotel-agent: {error}"))?;
    let program = account.reachable(&program, folder)?;
    let (grpc, http) = (free_address()?, free_address()?);
    let (folder_of_its_own, onward) = (folder.to_owned(), onward.map(str::to_owned));
    let kind = Collector { account, program, folder: folder_of_its_own, grpc, http, onward };
    let server = Server::start(Box::new(kind), folder, (grpc, format!("http://{grpc}")), life)?;
    Ok((server, format!("http://{http}")))
}

impl Kind for Collector {
    fn name(&self) -> &'static str {
        "collector"
    }

    fn command(&self) -> Command {
        let mut command = self.account.command(&self.program, &self.folder);
        command.arg("start");
        command.args(["--otlp-grpc-endpoint", &self.grpc.to_string()]);
        command.args(["--otlp-http-endpoint", &self.http.to_string()]);
        match &self.onward {
            Some(onward) => {
                command.args(["--exporter", "otlp", "--otlp-exporter-endpoint", onward]);
            }
            None => {
                command.args(["--exporter", "blackhole"]);
            }
        }
        command.arg("--pid-file").arg(self.folder.join("pid"));
        command.arg("--log-file").arg(self.folder.join("own-log"));
        command
    }

    fn answers(&self, _address: SocketAddr) -> Result<(), String> {
        let reached = |address| TcpStream::connect_timeout(&address, ANSWERS_WITHIN).map(drop);
        reached(self.grpc).and_then(|()| reached(self.http)).map_err(|error| error.to_string())
    }

    fn stop_signal(&self) -> Signal {
        Signal::TERM
    }
}
