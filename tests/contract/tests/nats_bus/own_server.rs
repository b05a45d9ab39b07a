//! A server of the test's own, to be killed.

use servers::{Life, Scratch, Server};

use crate::scene::soon;

/// A NATS over a folder of its own. It is killed when dropped.
pub(crate) struct OwnServer {
    // Dropped in this order: the server, its folder.
    server: Server,
    monitor: String,
    _scratch: Scratch,
}

impl OwnServer {
    /// `sync_interval` as its configuration spells it, or none at all.
    pub(crate) async fn start(sync_interval: Option<&str>) -> Self {
        let scratch = Scratch::fresh("nats").unwrap();
        let folder = scratch.path().join("data");
        let started = servers::nats_that_syncs(&folder, Life::WithStarter, sync_interval);
        let (server, monitor) = started.unwrap();
        let own = Self { server, monitor, _scratch: scratch };
        own.until_it_answers().await;
        own
    }

    pub(crate) fn url(&self) -> String {
        self.server.url().to_owned()
    }

    pub(crate) fn monitor_url(&self) -> &str {
        &self.monitor
    }

    pub(crate) async fn restart(&mut self) {
        self.server.restart().unwrap();
        self.until_it_answers().await;
    }

    pub(crate) fn kill9(&mut self) {
        self.server.kill9().unwrap();
    }

    async fn until_it_answers(&self) {
        let answers = async || nats_bus::durability(&self.monitor).await.is_ok();
        soon("the server answers", true, answers).await;
    }
}
