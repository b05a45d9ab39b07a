//! How many calls run at once in the whole process, over all doors and connections.

use std::sync::Arc;

use kernel::{Fault, FaultClass};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A limit shared by everything that clones it.
#[derive(Debug, Clone)]
pub(crate) struct InFlight {
    free: Arc<Semaphore>,
    max: usize,
}

/// Too much at once; refused early and cheaply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many calls at once; try again a little later")]
pub(crate) struct Overloaded;

impl InFlight {
    pub(crate) fn new(max: usize) -> Self {
        let max = max.min(Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(max)), max }
    }

    /// A place for one call until it is dropped, or nothing: a call never waits for a place.
    pub(crate) fn enter(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.free).try_acquire_owned().ok()
    }

    pub(crate) fn running(&self) -> usize {
        self.max.saturating_sub(self.free.available_permits())
    }
}

impl Fault for Overloaded {
    fn class(&self) -> FaultClass {
        FaultClass::Exhausted
    }

    fn reason(&self) -> &'static str {
        "OVERLOADED"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_and_come_back() {
        let limit = InFlight::new(2);
        let first = limit.enter();
        let other_door = limit.clone();
        let second = other_door.enter();
        assert_eq!(limit.running(), 2);
        assert!(first.is_some() && second.is_some() && limit.enter().is_none());
        drop(first);
        assert!(limit.enter().is_some());
    }
}
