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
        loop {
            let there = *self.linked.borrow_and_update() && self.look(&mut said).await;
            // The link may have gone meanwhile.
            let there = there && *self.linked.borrow();
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
                () = sleep(if there { LOOK } else { LOOK_AFTER_FAILURE }) => {}
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
