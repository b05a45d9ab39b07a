//! The addresses behind names, looked up again and again.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use futures::future::join_all;
use tokio::sync::{Notify, mpsc};
use tokio::time::{sleep, timeout};

use super::{News, PeerAddresses};
use crate::dice;
use crate::limits::{REPLICAS_MAX, RESOLVE_DEADLINE, RESOLVE_INTERVAL, RESOLVE_SOON};

/// Tells the addresses at every look-up, and looks soon when `lost` says so, until it is dropped.
/// A name that cannot be looked up keeps the addresses it had.
pub(super) async fn resolve(names: PeerAddresses, lost: Arc<Notify>, tell: mpsc::Sender<News>) {
    let mut known: Vec<BTreeSet<SocketAddr>> = vec![BTreeSet::new(); names.names().len()];
    loop {
        let found = join_all(names.names().iter().map(|name| look_up(name))).await;
        for (known, found) in known.iter_mut().zip(found) {
            if let Some(found) = found {
                *known = found;
            }
        }
        let addresses: BTreeSet<_> = known.iter().flatten().copied().collect();
        if addresses.len() > REPLICAS_MAX {
            tracing::warn!(peer = %names, most = REPLICAS_MAX, "has more replicas than are used");
        }
        let used = addresses.into_iter().take(REPLICAS_MAX).collect();
        // An error says that nobody listens any more, and this is about to be dropped.
        let _ = tell.send(News::Found(used)).await;
        tokio::select! {
            () = sleep(dice::about(RESOLVE_INTERVAL)) => {}
            () = lost.notified() => sleep(RESOLVE_SOON).await,
        }
    }
}

async fn look_up(name: &str) -> Option<BTreeSet<SocketAddr>> {
    match timeout(RESOLVE_DEADLINE, tokio::net::lookup_host(name)).await {
        Ok(Ok(found)) => Some(found.collect::<BTreeSet<_>>()).filter(|found| !found.is_empty()),
        Ok(Err(error)) => {
            tracing::warn!(name, %error, "a peer's name cannot be resolved");
            None
        }
        Err(_) => {
            tracing::warn!(name, "a peer's name is not resolved in time");
            None
        }
    }
}
