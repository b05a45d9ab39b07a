//! A collector of traces that takes all and keeps nothing: rotel, over gRPC.

use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use servers::{free_address, tool};
use testkit::eventually_within;
use tokio::process::{Child, Command};

const PROGRAM: &str = "rotel-agent";
const LISTENS_WITHIN: Duration = Duration::from_secs(30);

/// It ends when dropped.
pub(crate) struct Collector {
    grpc: SocketAddr,
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
        command.arg("--pid-file").arg(folder.join("collector.pid"));
        command.arg("--log-file").arg(folder.join("collector.own.log"));
        command.env_clear().stdin(Stdio::null()).stdout(output).stderr(Stdio::null());
        let child = command.kill_on_drop(true).spawn();
        let child = child.unwrap_or_else(|error| fail(error.to_string()));
        eventually_within(LISTENS_WITHIN, "a listening collector", || async {
            TcpStream::connect(grpc).map(drop)
        })
        .await;
        Self { grpc, _child: child }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.grpc)
    }
}
