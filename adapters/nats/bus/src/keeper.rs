//! Keeps the stream there: it is made when it is missing, at the start and whenever it vanishes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::Context;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::topology::ensure_stream;
use crate::{NatsSettings, durability};

/// How long a stream that vanished unnoticed stays away.
const LOOK: Duration = Duration::from_secs(5);
const LOOK_AFTER_FAILURE: Duration = Duration::from_millis(500);
/// Looks in a row that fail before the bus counts as away.
const FAILURES_MAX: u32 = 2;
/// Between two looks that others ask for.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

pub(crate) struct Keeper {
    pub(crate) js: Context,
    pub(crate) settings: Arc<NatsSettings>,
    /// Whether there is a connection.
    pub(crate) linked: watch::Receiver<bool>,
    /// Whether there is a connection and the stream.
    pub(crate) connected: watch::Sender<bool>,
    /// Somebody missed the stream.
    pub(crate) missed: Arc<Notify>,
}

impl Keeper {
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut said = BTreeSet::new();
        let mut checked = false;
        let mut failures: u32 = 0;
        loop {
            let linked = *self.linked.borrow_and_update();
            let found = linked && self.look(&mut said).await;
            failures = if found { 0 } else { failures.saturating_add(1) };
            // The link may have gone meanwhile. A single failure of a busy server is none of the stream's.
            let was_there = *self.connected.borrow();
            let there =
                *self.linked.borrow() && (failures == 0 || was_there && failures < FAILURES_MAX);
            let changed = self.connected.send_if_modified(|known| {
                let changed = *known != there;
                *known = there;
                changed
            });
            if changed {
                tracing::info!(there, stream = self.settings.stream, "the bus");
            }
            if there && !checked {
                checked = true;
                durability::check(self.settings.monitor_url.as_deref()).await;
            }
            tokio::select! {
                () = stop.cancelled() => break,
                linked = self.linked.changed() => if linked.is_err() { break },
                () = self.missed.notified() => sleep(LOOK_PAUSE).await,
                () = sleep(if failures == 0 { LOOK } else { LOOK_AFTER_FAILURE }) => {}
            }
        }
        self.connected.send_replace(false);
    }

    /// Everything is said once, until it is said no more.
    async fn look(&self, said: &mut BTreeSet<String>) -> bool {
        let (there, now) = match ensure_stream(&self.js, &self.settings).await {
            Ok(weaker) => (true, weaker),
            Err(error) => (false, vec![error]),
        };
        let now: BTreeSet<String> = now.into_iter().collect();
        for news in now.difference(said) {
            tracing::warn!("{news}");
        }
        *said = now;
        there
    }
}
