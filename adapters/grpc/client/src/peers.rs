//! A channel to the replicas of another server: found by name, asked for their health, left in time.

mod addresses;
mod names;
mod replica;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use tls_certificates::ClientTls;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tonic::transport::channel::Change;
use tonic::transport::{Channel, Endpoint};

pub use addresses::PeerAddresses;
use replica::{Replica, Tls};

use crate::limits::{CHANGES_MAX, NEWS_MAX, NOBODY_WAIT};

/// Where nothing can listen: a call that is sent there fails at once and provably never left.
const NOWHERE: &str = "http://127.0.0.1:0";

/// Keeps a channel's replicas up to date while [`Peers::run`] runs.
pub struct Peers {
    addresses: PeerAddresses,
    changes: mpsc::Sender<Change<Place, Endpoint>>,
    reached: watch::Sender<bool>,
    tls: Tls,
}

/// Where calls may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Place {
    /// To nobody, while no replica has served for too long to wait: calls fail at once.
    Nowhere,
    /// To this replica, as the certificates of this generation have it: new ones need new connections.
    Replica(SocketAddr, u64),
}

/// What the watching tasks tell.
enum News {
    /// The addresses that the names stand for now, each with the host by which it was found.
    Found(BTreeMap<SocketAddr, Arc<str>>),
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
        let addresses = addresses.clone();
        (Self { addresses, changes, reached: watch::Sender::new(false), tls: None }, channel)
    }

    /// Has the replicas called over TLS, as they must be whose addresses ask for it. Certificates that come later are
    /// used by new connections; calls that are under way end on the old ones.
    #[must_use]
    pub fn over_tls(self, tls: watch::Receiver<ClientTls>) -> Self {
        Self { tls: Some(tls), ..self }
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
        let mut replicas = Replicas::new(tell, lost, self.tls.clone());
        let mut certificates = self.tls.clone();
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
                    if let Some(change) = change.and_then(|change| change.make(&mut offered, &replicas)) {
                        room.send(change);
                    }
                }
                () = sleep_until(replicas.since + NOBODY_WAIT), if wanted.is_empty() => {}
                () = renewed(&mut certificates) => replicas.generation += 1,
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
    tls: Tls,
    /// How often the certificates have been renewed.
    generation: u64,
    /// When the last of those that served was lost.
    since: Instant,
}

struct Watched {
    replica: Replica,
    serves: bool,
    task: AbortHandle,
}

/// Waits until the certificates are others; for ever where there are none.
async fn renewed(certificates: &mut Tls) {
    if let Some(certificates) = certificates
        && certificates.changed().await.is_ok()
    {
        return;
    }
    std::future::pending().await
}

impl Replicas {
    fn new(tell: mpsc::Sender<News>, lost: Arc<Notify>, tls: Tls) -> Self {
        Self { tell, lost, known: BTreeMap::new(), tls, generation: 0, since: Instant::now() }
    }

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

    fn watch(&mut self, addresses: &BTreeMap<SocketAddr, Arc<str>>, tasks: &mut JoinSet<()>) {
        self.known.retain(|address, watched| {
            let kept = addresses.contains_key(address);
            if !kept {
                watched.task.abort();
            }
            kept
        });
        for (address, host) in addresses {
            self.known.entry(*address).or_insert_with(|| {
                let replica = Replica { address: *address, host: Arc::clone(host) };
                let watch = replica::watch(replica.clone(), self.tls.clone(), self.tell.clone());
                Watched { replica, serves: false, task: tasks.spawn(watch) }
            });
        }
    }

    fn any_serves(&self) -> bool {
        self.known.values().any(|watched| watched.serves)
    }

    fn endpoint(&self, address: SocketAddr) -> Option<Endpoint> {
        // What its watch could connect to can be made.
        replica::endpoint(&self.known.get(&address)?.replica, &self.tls).ok()
    }

    /// Where calls are to go.
    fn wanted(&self) -> BTreeSet<Place> {
        let serving = self.known.iter().filter(|(_, watched)| watched.serves);
        let place = |(at, _): (&SocketAddr, _)| Place::Replica(*at, self.generation);
        let mut wanted: BTreeSet<_> = serving.map(place).collect();
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
    fn make(
        self,
        offered: &mut BTreeSet<Place>,
        replicas: &Replicas,
    ) -> Option<Change<Place, Endpoint>> {
        match self {
            Self::Leave(place) => {
                offered.remove(&place);
                Some(Change::Remove(place))
            }
            Self::Join(place) => {
                offered.insert(place);
                let endpoint = match place {
                    Place::Nowhere => Some(Endpoint::from_static(NOWHERE)),
                    Place::Replica(address, _) => replicas.endpoint(address),
                };
                endpoint.map(|endpoint| Change::Insert(place, endpoint))
            }
        }
    }
}
