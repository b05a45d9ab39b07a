//! Whether the process can do its work: it can when every part it needs can, and it is not stopping.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Formatter};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use grpc_server::Health;
use tokio::sync::watch;

use crate::workers::Workers;

/// The parts the process needs. Clones speak of the same process.
#[derive(Debug, Clone)]
pub struct Readiness {
    state: watch::Sender<State>,
    details: Details,
}

type Tell = Box<dyn Fn() -> Option<&'static str> + Send>;

/// What else is told where readiness is, each found out when somebody asks.
#[derive(Clone, Default)]
struct Details(Arc<Mutex<BTreeMap<&'static str, Tell>>>);

/// One part: a database, the bus, another server.
#[derive(Debug, Clone)]
pub struct Part {
    name: &'static str,
    state: watch::Sender<State>,
}

#[derive(Debug, Clone, Default)]
struct State {
    parts: BTreeMap<&'static str, bool>,
    stopping: bool,
    was_ready: bool,
}

impl Readiness {
    /// A process that needs nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self { state: watch::Sender::new(State::default()), details: Details::default() }
    }

    /// Adds a part that is not ready yet.
    #[must_use]
    pub fn part(&self, name: &'static str) -> Part {
        let part = Part { name, state: self.state.clone() };
        part.set(false);
        part
    }

    /// Adds a part without which the process cannot begin: once there, its absence stops nothing.
    pub(crate) fn needs_at_first(
        &self,
        name: &'static str,
        reached: watch::Receiver<bool>,
        workers: &Workers,
    ) {
        let part = self.part(name);
        workers.spawn(name, move |stopping| {
            let (part, mut reached) = (part.clone(), reached.clone());
            async move {
                let found = async { reached.wait_for(|is| *is).await.is_ok() };
                if stopping.run_until_cancelled(found).await == Some(true) {
                    part.set(true);
                }
                stopping.cancelled().await;
            }
        });
    }

    /// Whether every part is ready and nobody asked the process to stop.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.state.borrow().is_ready()
    }

    /// Whether it has ever been: one that was is troubled by something else than its start.
    #[must_use]
    pub fn was_ready(&self) -> bool {
        self.state.borrow().was_ready
    }

    /// Every part, and whether it is ready.
    #[must_use]
    pub fn parts(&self) -> BTreeMap<&'static str, bool> {
        self.state.borrow().parts.clone()
    }

    /// Has something told beside the parts that takes no server out of service: `tell` gives how it is, or nothing once
    /// it is gone.
    pub fn tells(
        &self,
        name: &'static str,
        tell: impl Fn() -> Option<&'static str> + Send + 'static,
    ) {
        self.details.all().insert(name, Box::new(tell));
    }

    /// All that is told so.
    #[must_use]
    pub fn details(&self) -> BTreeMap<&'static str, &'static str> {
        let details = self.details.all();
        details.iter().filter_map(|(name, tell)| Some((*name, tell()?))).collect()
    }

    /// From now on the process is not ready, whatever its parts say.
    pub(crate) fn stop(&self) {
        self.state.send_modify(|state| state.stopping = true);
    }

    /// Lets the health service say what is so, now and at every change.
    pub(crate) async fn tell(self, health: Health) {
        let mut changes = self.state.subscribe();
        loop {
            let ready = changes.borrow_and_update().is_ready();
            self.state.send_if_modified(|state| {
                state.was_ready |= ready;
                false
            });
            health.set_serving(ready).await;
            // Never an error: this end keeps the sender too.
            if changes.changed().await.is_err() {
                return;
            }
        }
    }
}

impl Details {
    fn all(&self) -> MutexGuard<'_, BTreeMap<&'static str, Tell>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Debug for Details {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.all().keys()).finish()
    }
}

impl Default for Readiness {
    fn default() -> Self {
        Self::new()
    }
}

impl Part {
    /// Says whether the part is ready.
    pub fn set(&self, ready: bool) {
        self.state.send_if_modified(|state| state.parts.insert(self.name, ready) != Some(ready));
    }
}

impl State {
    fn is_ready(&self) -> bool {
        !self.stopping && self.parts.values().all(|ready| *ready)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_means_every_part_and_not_stopping() {
        let readiness = Readiness::new();
        let (database, bus) = (readiness.part("database"), readiness.part("bus"));
        assert!(!readiness.is_ready());
        database.set(true);
        assert!(!readiness.is_ready());
        bus.set(true);
        assert!(readiness.is_ready());
        database.set(false);
        assert_eq!(readiness.parts(), BTreeMap::from([("bus", true), ("database", false)]));
        assert!(!readiness.is_ready());
        database.set(true);
        readiness.stop();
        assert!(!readiness.is_ready());
    }

    #[test]
    fn a_detail_is_told_and_changes_nothing() {
        let readiness = Readiness::new();
        readiness.tells("breaker", || Some("open"));
        readiness.tells("gone", || None);
        assert_eq!(readiness.details(), BTreeMap::from([("breaker", "open")]));
        assert!(readiness.is_ready());
    }
}
