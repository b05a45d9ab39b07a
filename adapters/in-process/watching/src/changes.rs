//! What changed: told by the commits of this process, heard of from those of its replicas.

use std::sync::Arc;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// Changes that wait to be heard. Who is further behind hears that anything may have changed.
const WAITING_MAX: usize = 4_096;

/// Tells of changes, each by a text that names what changed: a ticket, a buyer. Clones tell the same listeners.
#[derive(Debug, Clone)]
pub struct Changes {
    all: broadcast::Sender<Change>,
    own: broadcast::Sender<Change>,
}

/// What may be different now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// This.
    Of(Arc<str>),
    /// Any of it: some changes were not heard.
    Anything,
}

/// Hears of changes from the moment it is made on.
#[derive(Debug)]
pub struct Listener(broadcast::Receiver<Change>);

impl Changes {
    /// It changed by a commit of this process. To be told once it is committed, and not before.
    pub fn tell(&self, what: &str) {
        if self.all.receiver_count() + self.own.receiver_count() == 0 {
            return;
        }
        let change = Change::Of(what.into());
        // Nobody listens: then nobody watches.
        let _ = self.own.send(change.clone());
        let _ = self.all.send(change);
    }

    /// A replica has committed this.
    pub fn hear(&self, change: Change) {
        let _ = self.all.send(change);
    }

    /// All changes, wherever they were committed.
    #[must_use]
    pub fn listen(&self) -> Listener {
        Listener(self.all.subscribe())
    }

    /// Whether anybody listens.
    #[must_use]
    pub fn are_followed(&self) -> bool {
        self.all.receiver_count() > 0
    }

    /// The changes that this process has committed: what its replicas are to hear.
    #[must_use]
    pub fn listen_to_own(&self) -> Listener {
        Listener(self.own.subscribe())
    }
}

impl Default for Changes {
    fn default() -> Self {
        Self { all: broadcast::Sender::new(WAITING_MAX), own: broadcast::Sender::new(WAITING_MAX) }
    }
}

impl Listener {
    /// The next change. May be dropped while it waits without losing one.
    pub async fn next(&mut self) -> Change {
        match self.0.recv().await {
            Ok(change) => change,
            Err(RecvError::Lagged(_)) => Change::Anything,
            // Whoever told is gone: nothing will ever change again.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }

    /// What is there already, without waiting.
    pub fn take(&mut self) -> Option<Change> {
        match self.0.try_recv() {
            Ok(change) => Some(change),
            Err(broadcast::error::TryRecvError::Lagged(_)) => Some(Change::Anything),
            Err(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn replicas_are_told_of_own_changes_alone() {
        let changes = Changes::default();
        let (mut all, mut own) = (changes.listen(), changes.listen_to_own());
        changes.hear(Change::Of("b".into()));
        changes.clone().tell("a");
        assert_eq!(own.next().await, Change::Of("a".into()));
        assert_eq!(own.take(), None);
        assert_eq!(all.next().await, Change::Of("b".into()));
        assert_eq!(all.take(), Some(Change::Of("a".into())));
    }

    #[tokio::test]
    async fn who_is_too_far_behind_hears_that_anything_may_have_changed() {
        let changes = Changes::default();
        let mut slow = changes.listen();
        for number in 0..=WAITING_MAX {
            changes.tell(&number.to_string());
        }
        assert_eq!(slow.next().await, Change::Anything);
        assert_eq!(slow.next().await, Change::Of("1".into()));
    }
}
