//! A collector of traces that takes all and keeps nothing but their number: rotel, over gRPC.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use servers::{free_address, tool};
use testkit::eventually_within;
use tokio::process::{Child, Command};

const PROGRAM: &str = "rotel-agent";
/// Before the number of spans in each line of its log that tells of some.
const SPANS: &str = "\"spans\":";
const LISTENS_WITHIN: Duration = Duration::from_secs(30);

/// It ends when dropped.
pub(crate) struct Collector {
    grpc: SocketAddr,
    log: PathBuf,
    _child: Child,
}

impl Collector {
    /// Starts it and waits until it listens.
    pub(crate) async fn start(folder: &Path) -> Self {
        let fail = |error: String| -> ! { panic!("{PROGRAM}: {error}") };
        let program = tool(PROGRAM).unwrap_or_else(|error| fail(error));
        let free = || free_address().unwrap_or_else(|error| fail(error));
        let (grpc, http) = (free(), free());
        let log = folder.join("collector.log");
        let output = File::create(&log).unwrap_or_else(|error| fail(error.to_string()));
        let mut command = Command::new(program);
        command.args(["start", "--exporter", "blackhole", "--otlp-grpc-endpoint"]);
        command.args([&grpc.to_string(), "--otlp-http-endpoint", &http.to_string()]);
        command.args(["--debug-log", "traces", "--log-format", "json"]);
        command.arg("--pid-file").arg(folder.join("collector.pid"));
        command.env_clear().stdin(Stdio::null()).stdout(output).stderr(Stdio::null());
        let child = command.kill_on_drop(true).spawn();
        let child = child.unwrap_or_else(|error| fail(error.to_string()));
        eventually_within(LISTENS_WITHIN, "a listening collector", || async {
            TcpStream::connect(grpc).map(drop)
        })
        .await;
        Self { grpc, log, _child: child }
    }

    /// How many spans it has taken so far.
    pub(crate) fn spans(&self) -> u64 {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let number = |part: &str| -> Option<u64> {
            let digits = part.split(|letter: char| !letter.is_ascii_digit()).next()?;
            digits.parse().ok()
        };
        log.split(SPANS).skip(1).filter_map(number).sum()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.grpc)
    }
}
