//! The gateways as their clients see them: all of them, or, as behind a Kubernetes service, those that say they are
//! ready.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use boxoffice::http::HttpClient;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How often a gateway is asked whether it is ready, and how long it may take to say so.
const ASKED_EVERY: Duration = Duration::from_millis(100);
const SAID_WITHIN: Duration = Duration::from_secs(1);

/// One gateway and whether calls go to it.
#[derive(Clone)]
pub(crate) struct Gateway {
    pub(crate) client: HttpClient,
    in_use: Arc<AtomicBool>,
}

impl Gateway {
    /// A gateway that calls go to, whatever it says.
    pub(crate) fn always(client: HttpClient) -> Self {
        Self { client, in_use: Arc::new(AtomicBool::new(true)) }
    }

    /// A gateway that calls go to while its admin port says that it is ready; `asking` is who asks it.
    pub(crate) fn while_ready(
        client: HttpClient,
        admin: HttpClient,
        asking: &mut JoinSet<()>,
    ) -> Self {
        let in_use = Arc::new(AtomicBool::new(false));
        asking.spawn(ask(admin, Arc::clone(&in_use)));
        Self { client, in_use }
    }

    pub(crate) fn is_in_use(&self) -> bool {
        self.in_use.load(Ordering::SeqCst)
    }
}

async fn ask(admin: HttpClient, in_use: Arc<AtomicBool>) {
    loop {
        let said = timeout(SAID_WITHIN, admin.get("/ready").send()).await;
        let ready = matches!(said, Ok(Ok(answer)) if answer.status.is_success());
        in_use.store(ready, Ordering::SeqCst);
        sleep(ASKED_EVERY).await;
    }
}
