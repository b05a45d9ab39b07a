//! The addresses behind names, looked up again and again.

use std::collections::{BTreeMap, BTreeSet};
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
    let mut unknown = BTreeSet::new();
    loop {
        let found = join_all(names.names().iter().map(|name| look_up(name))).await;
        for ((name, known), found) in names.names().iter().zip(&mut known).zip(found) {
            match found {
                Ok(found) => {
                    unknown.remove(name);
                    *known = found;
                }
                Err(problem) if unknown.insert(name) => {
                    tracing::warn!(peer = %name, problem, "a name cannot be looked up; it is tried again and again");
                }
                Err(_told_before) => {}
            }
        }
        let named = names.names().iter().zip(&known);
        let addresses: BTreeMap<_, _> = named
            .flat_map(|(name, known)| known.iter().map(|address| (*address, host(name))))
            .collect();
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

/// The host of `host:port`, as certificates name it.
fn host(name: &str) -> Arc<str> {
    let host = name.rsplit_once(':').map_or(name, |(host, _port)| host);
    host.trim_start_matches('[').trim_end_matches(']').into()
}

async fn look_up(name: &str) -> Result<BTreeSet<SocketAddr>, String> {
    match timeout(RESOLVE_DEADLINE, tokio::net::lookup_host(name)).await {
        Ok(Ok(found)) => {
            let found = found.collect::<BTreeSet<_>>();
            if found.is_empty() { Err("it has no address".to_owned()) } else { Ok(found) }
        }
        Ok(Err(error)) => Err(error.to_string()),
        Err(_late) => Err("there was no answer in time".to_owned()),
    }
}
