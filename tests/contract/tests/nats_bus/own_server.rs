//! A server of the test's own, to be killed.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::scene::soon;

/// A NATS over a folder of its own. It is killed when dropped.
pub(crate) struct OwnServer {
    folder: TempDir,
    address: SocketAddr,
    monitor: SocketAddr,
    child: Option<Child>,
}

impl OwnServer {
    /// `sync_interval` as its configuration spells it, or none at all.
    pub(crate) async fn start(sync_interval: Option<&str>) -> Self {
        let folder = TempDir::new().unwrap();
        let (address, monitor) = (free_address(), free_address());
        let sync = sync_interval.map_or(String::new(), |value| format!("sync_interval: {value}"));
        let configuration = format!(
            "listen: \"{address}\"\nhttp: \"{monitor}\"\nserver_name: \"own\"\nmax_payload: 262144\n\
             jetstream {{\n  store_dir: \"{}\"\n  max_file_store: 1GB\n  {sync}\n}}\n",
            folder.path().join("streams").display()
        );
        std::fs::write(folder.path().join("nats.conf"), configuration).unwrap();
        let mut server = Self { folder, address, monitor, child: None };
        server.restart().await;
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    pub(crate) fn monitor_url(&self) -> String {
        format!("http://{}", self.monitor)
    }

    pub(crate) async fn restart(&mut self) {
        let mut command = Command::new(program());
        command.arg("-c").arg(self.folder.path().join("nats.conf"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().unwrap_or_else(|error| panic!("nats-server: {error}")));
        let monitor = self.monitor_url();
        let answers = async || nats_bus::durability(&monitor).await.is_ok();
        soon("the server answers", true, answers).await;
    }

    pub(crate) fn kill9(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        self.kill9();
    }
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn program() -> PathBuf {
    #[expect(
        clippy::disallowed_methods,
        reason = "set by xtask for the tests, no configuration of the platform"
    )]
    let given = std::env::var_os("BOXOFFICE_TOOLS").map(PathBuf::from);
    let own = std::env::current_exe().unwrap();
    let around = own.ancestors().skip(1).map(|folder| folder.join("tools"));
    let mut found =
        given.into_iter().chain(around).map(|tools| tools.join("bin").join("nats-server"));
    let missing = || panic!("nats-server is missing: `cargo xtask tools` sets it up");
    found.find(|path| path.is_file()).unwrap_or_else(missing)
}
