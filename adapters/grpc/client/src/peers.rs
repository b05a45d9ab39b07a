//! A channel to the replicas of another server: found by name, asked for their health, left in time.

mod addresses;
mod names;
mod replica;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tonic::transport::channel::Change;
use tonic::transport::{Channel, Endpoint};

pub use addresses::PeerAddresses;

use crate::limits::{CHANGES_MAX, NEWS_MAX, NOBODY_WAIT};

/// Where nothing can listen: a call that is sent there fails at once and provably never left.
const NOWHERE: &str = "http://127.0.0.1:0";

/// Keeps a channel's replicas up to date while [`Peers::run`] runs.
pub struct Peers {
    addresses: PeerAddresses,
    changes: mpsc::Sender<Change<Place, Endpoint>>,
    reached: watch::Sender<bool>,
}

/// Where calls may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Place {
    /// To nobody, while no replica has served for too long to wait: calls fail at once.
    Nowhere,
    /// To this replica.
    Replica(SocketAddr),
}

/// What the watching tasks tell.
enum News {
    /// The addresses that the names stand for now.
    Found(BTreeSet<SocketAddr>),
    /// Whether a replica serves.
    Serves(SocketAddr, bool),
}

impl Peers {
    /// A channel to those of the replicas that say they serve. Calls wait while there is none: they
    /// MUST have a deadline. When there has been none for two seconds they fail UNAVAILABLE at once.
    /// The channel knows of no replica before [`Peers::run`] runs.
    #[must_use]
    pub fn new(addresses: &PeerAddresses) -> (Self, Channel) {
        let (channel, changes) = Channel::balance_channel(CHANGES_MAX);
        (
            Self { addresses: addresses.clone(), changes, reached: watch::Sender::new(false) },
            channel,
        )
    }

    /// Whether a replica serves, now and at every change.
    #[must_use]
    pub fn reached(&self) -> watch::Receiver<bool> {
        self.reached.subscribe()
    }

    /// Looks for replicas and watches their health until `stop` is cancelled. After that the
    /// channel keeps the replicas it has, so stop it once the last call is made.
    pub async fn run(self, stop: CancellationToken) {
        stop.run_until_cancelled(self.keep()).await;
    }

    async fn keep(self) {
        let (tell, mut news) = mpsc::channel(NEWS_MAX);
        let lost = Arc::new(Notify::new());
        let mut tasks = JoinSet::new();
        tasks.spawn(names::resolve(self.addresses.clone(), Arc::clone(&lost), tell.clone()));
        let mut replicas = Replicas { tell, lost, known: BTreeMap::new(), since: Instant::now() };
        let mut offered = BTreeSet::new();
        loop {
            let wanted = replicas.wanted();
            let change = next_change(&offered, &wanted);
            tokio::select! {
                Some(told) = news.recv() => {
                    replicas.hear(told, &mut tasks);
                    self.tell_reached(replicas.any_serves());
                }
                // The channel reads its changes when it is called. Until then they gather here, where
                // a replica that comes and goes takes no room.
                Ok(room) = self.changes.reserve(), if change.is_some() => {
                    if let Some(change) = change.and_then(|change| change.make(&mut offered)) {
                        room.send(change);
                    }
                }
                () = sleep_until(replicas.since + NOBODY_WAIT), if wanted.is_empty() => {}
                Some(_ended) = tasks.join_next() => {}
            }
        }
    }

    fn tell_reached(&self, reached: bool) {
        let changed =
            self.reached.send_if_modified(|was| std::mem::replace(was, reached) != reached);
        match (changed, reached) {
            (true, true) => tracing::info!(peer = %self.addresses, "a replica serves"),
            (true, false) => tracing::warn!(peer = %self.addresses, "no replica serves"),
            (false, _) => {}
        }
    }
}

/// The replicas that are watched.
struct Replicas {
    tell: mpsc::Sender<News>,
    lost: Arc<Notify>,
    known: BTreeMap<SocketAddr, Watched>,
    /// When the last of those that served was lost.
    since: Instant,
}

struct Watched {
    serves: bool,
    task: AbortHandle,
}

impl Replicas {
    fn hear(&mut self, news: News, tasks: &mut JoinSet<()>) {
        let before = self.any_serves();
        match news {
            News::Found(addresses) => self.watch(&addresses, tasks),
            News::Serves(address, serves) => {
                // It may have been given up since.
                if let Some(watched) = self.known.get_mut(&address) {
                    watched.serves = serves;
                }
                if !serves {
                    self.lost.notify_one();
                }
            }
        }
        if before && !self.any_serves() {
            self.since = Instant::now();
        }
    }

    fn watch(&mut self, addresses: &BTreeSet<SocketAddr>, tasks: &mut JoinSet<()>) {
        self.known.retain(|address, watched| {
            let kept = addresses.contains(address);
            if !kept {
                watched.task.abort();
            }
            kept
        });
        for address in addresses {
            self.known.entry(*address).or_insert_with(|| Watched {
                serves: false,
                task: tasks.spawn(replica::watch(*address, self.tell.clone())),
            });
        }
    }

    fn any_serves(&self) -> bool {
        self.known.values().any(|watched| watched.serves)
    }

    /// Where calls are to go.
    fn wanted(&self) -> BTreeSet<Place> {
        let serving = self.known.iter().filter(|(_, watched)| watched.serves);
        let mut wanted: BTreeSet<_> = serving.map(|(at, _)| Place::Replica(*at)).collect();
        if wanted.is_empty() && self.since.elapsed() >= NOBODY_WAIT {
            wanted.insert(Place::Nowhere);
        }
        wanted
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Leave(Place),
    Join(Place),
}

/// What brings the channel nearer to what is wanted; what is to be left first.
fn next_change(offered: &BTreeSet<Place>, wanted: &BTreeSet<Place>) -> Option<Step> {
    let left = offered.difference(wanted).next().map(|place| Step::Leave(*place));
    left.or_else(|| wanted.difference(offered).next().map(|place| Step::Join(*place)))
}

impl Step {
    /// The change for the channel, which is taken to be offered from now on.
    fn make(self, offered: &mut BTreeSet<Place>) -> Option<Change<Place, Endpoint>> {
        match self {
            Self::Leave(place) => {
                offered.remove(&place);
                Some(Change::Remove(place))
            }
            Self::Join(place) => {
                offered.insert(place);
                let endpoint = match place {
                    Place::Nowhere => Ok(Endpoint::from_static(NOWHERE)),
                    Place::Replica(address) => replica::endpoint(address),
                };
                endpoint.ok().map(|endpoint| Change::Insert(place, endpoint))
            }
        }
    }
}
