//! The relay: takes messages from the outbox to the bus. One leader per database, by lease.

mod leader;
mod queue;

use std::sync::Arc;
use std::time::Duration;

use kernel::Publisher;
use tokio_util::sync::CancellationToken;

pub use queue::OutboxLag;

use crate::{Database, Lease};
use leader::Leader;

const LEASE: &str = "relay";
const LEASE_DURATION: Duration = Duration::from_secs(10);
const ELECTION_PAUSE: Duration = Duration::from_secs(1);

/// Publishes a database's outbox.
///
/// Every message reaches the publisher at least once. Messages of one aggregate id are published one
/// after the other in the order they were committed; a failing message is tried again, with a back-off
/// of up to 30 s (3 s where only the bus is away), before any later one of its aggregate. Different aggregates do not wait for each other.
///
/// Rows are read by "not yet published", never by a cursor: a cursor passes over rows that commit late
/// (F12). A later version of an aggregate cannot be seen before an earlier one, since it is written
/// only after that one's commit.
pub struct Relay {
    db: Database,
    publisher: Arc<dyn Publisher>,
    owner: String,
}

impl Relay {
    /// A relay that leads under the name `owner`, which MUST differ between live processes and SHOULD
    /// stay the same over a restart, so that a process that was killed leads again at once.
    pub fn new(db: Database, publisher: Arc<dyn Publisher>, owner: String) -> Self {
        Self { db, publisher, owner }
    }

    /// Publishes until told to stop; then ends within about two seconds and gives up the lease.
    pub async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match Lease::acquire(&self.db, LEASE, &self.owner, LEASE_DURATION).await {
                Ok(Some(lease)) => self.lead(lease, &stop).await,
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "the relay could not stand for election"),
            }
            let _stopped = tokio::time::timeout(ELECTION_PAUSE, stop.cancelled()).await;
        }
    }

    async fn lead(&self, lease: Lease, stop: &CancellationToken) {
        tracing::info!(owner = self.owner, "the relay leads");
        Leader::new(&self.db, self.publisher.clone(), &lease).lead(stop).await;
        if stop.is_cancelled() {
            if let Err(error) = lease.release(&self.db).await {
                tracing::warn!(%error, "the relay could not release its lease");
            }
        } else {
            tracing::warn!(owner = self.owner, "the relay leads no more");
        }
    }
}
