//! One reader of each watched thing: it looks when it was told of a change, and soon at most so often.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, interval_at, sleep};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::changes::{Change, Changes, Listener};

/// How often is looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The shortest time between two looks at one thing; changes in between are seen together by the next.
    pub rest: Duration,
    /// How soon it is looked again where it could not be read.
    pub retry: Duration,
    /// How often it is looked although nobody told of a change: for what was committed where none of ours was heard.
    pub relook: Duration,
    /// Looks that run at once; one that is slow holds up no other while places are left.
    pub looks_at_once: usize,
}

/// A watched thing.
#[async_trait]
pub trait Source: Send + Sync + 'static {
    /// Reads it and tells whoever watches. `false` where it could not be read: then it is tried again. Never dropped
    /// half-way.
    async fn look(&self) -> bool;
}

/// The readers of things of one kind. They end with it.
pub struct Readers<K: Eq + Hash, S> {
    shared: Arc<Shared<K, S>>,
    _ends: DropGuard,
}

/// A thing that somebody watches. Its reader ends with the last of them.
pub struct Watched<K: Eq + Hash, S> {
    source: Arc<S>,
    stale: Arc<Notify>,
    subject: Arc<str>,
    key: K,
    shared: Weak<Shared<K, S>>,
    _ends: DropGuard,
}

struct Shared<K: Eq + Hash, S> {
    by_subject: Mutex<BySubject<K, S>>,
    pace: Pace,
    places: Arc<Semaphore>,
    tasks: TaskTracker,
    end: CancellationToken,
}

type BySubject<K, S> = HashMap<Arc<str>, HashMap<K, Entry<K, S>>>;

/// Beside the weak pointer what wakes its reader, so that whoever wakes it never is the last to hold it.
struct Entry<K: Eq + Hash, S> {
    watched: Weak<Watched<K, S>>,
    stale: Arc<Notify>,
}

impl<K, S> Readers<K, S>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    S: Source,
{
    /// Readers that look when one of these changes names what they read.
    #[must_use]
    pub fn new(changes: &Changes, pace: Pace) -> Self {
        let end = CancellationToken::new();
        let shared = Arc::new(Shared {
            by_subject: Mutex::default(),
            pace,
            places: Arc::new(Semaphore::new(pace.looks_at_once)),
            tasks: TaskTracker::new(),
            end: end.clone(),
        });
        shared.tasks.spawn(listen(changes.listen(), Arc::clone(&shared)));
        Self { shared, _ends: end.drop_guard() }
    }

    /// Watches what a change of `subject` may change; `key` tells apart what is watched of it. The first to watch it
    /// makes its source.
    pub fn watch(&self, subject: &str, key: K, source: impl FnOnce() -> S) -> Arc<Watched<K, S>> {
        let shared = &self.shared;
        let mut by_subject = shared.by_subject();
        let of_subject = by_subject.entry(subject.into()).or_default();
        if let Some(found) = of_subject.get(&key).and_then(|entry| entry.watched.upgrade()) {
            return found;
        }
        let (source, stale) = (Arc::new(source()), Arc::new(Notify::new()));
        let end = shared.end.child_token();
        let reader = Reader {
            source: Arc::clone(&source),
            stale: Arc::clone(&stale),
            places: Arc::clone(&shared.places),
            pace: shared.pace,
        };
        shared.tasks.spawn(reader.run(end.clone()));
        let watched = Arc::new(Watched {
            source,
            stale: Arc::clone(&stale),
            subject: subject.into(),
            key: key.clone(),
            shared: Arc::downgrade(shared),
            _ends: end.drop_guard(),
        });
        of_subject.insert(key, Entry { watched: Arc::downgrade(&watched), stale });
        watched
    }

    /// How many things are watched.
    #[must_use]
    pub fn watched(&self) -> usize {
        self.shared.by_subject().values().map(HashMap::len).sum()
    }
}

impl<K, S> Shared<K, S>
where
    K: Eq + Hash,
{
    fn by_subject(&self) -> MutexGuard<'_, BySubject<K, S>> {
        self.by_subject.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, change: &Change) {
        let by_subject = self.by_subject();
        match change {
            Change::Of(subject) => {
                let of_subject = by_subject.get(subject).into_iter().flat_map(HashMap::values);
                of_subject.for_each(|entry| entry.stale.notify_one());
            }
            Change::Anything => {
                let all = by_subject.values().flat_map(HashMap::values);
                all.for_each(|entry| entry.stale.notify_one());
            }
        }
    }
}

/// Wakes readers until their end.
async fn listen<K, S>(mut changes: Listener, shared: Arc<Shared<K, S>>)
where
    K: Eq + Hash,
{
    let relook = shared.pace.relook;
    let mut relooks = interval_at(Instant::now() + relook, relook);
    loop {
        let change = tokio::select! {
            () = shared.end.cancelled() => return,
            change = changes.next() => change,
            _ = relooks.tick() => Change::Anything,
        };
        shared.wake(&change);
    }
}

/// What looks at one thing.
struct Reader<S> {
    source: Arc<S>,
    stale: Arc<Notify>,
    places: Arc<Semaphore>,
    pace: Pace,
}

impl<S: Source> Reader<S> {
    async fn run(self, end: CancellationToken) {
        // Whoever made it waits for the first look.
        self.stale.notify_one();
        while end.run_until_cancelled(self.stale.notified()).await.is_some() {
            let Some(Ok(place)) = end.run_until_cancelled(self.places.acquire()).await else {
                return;
            };
            let well = self.source.look().await;
            drop(place);
            if !well {
                self.stale.notify_one();
            }
            let pause = if well { self.pace.rest } else { self.pace.retry };
            if end.run_until_cancelled(sleep(pause)).await.is_none() {
                return;
            }
        }
    }
}

impl<K: Eq + Hash, S> Watched<K, S> {
    /// What is watched.
    #[must_use]
    pub fn source(&self) -> &S {
        &self.source
    }

    /// Has its reader look again.
    pub fn look_again(&self) {
        self.stale.notify_one();
    }
}

impl<K: Eq + Hash, S> Drop for Watched<K, S> {
    fn drop(&mut self) {
        let Some(shared) = self.shared.upgrade() else { return };
        let mut by_subject = shared.by_subject();
        let Some(of_subject) = by_subject.get_mut(&self.subject) else { return };
        // Another may have begun to watch it anew meanwhile.
        if of_subject.get(&self.key).is_some_and(|entry| entry.watched.strong_count() == 0) {
            of_subject.remove(&self.key);
        }
        if of_subject.is_empty() {
            by_subject.remove(&self.subject);
        }
    }
}

impl<K: Eq + Hash, S> Debug for Readers<K, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Readers").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::*;

    const PACE: Pace = Pace {
        rest: Duration::from_millis(500),
        retry: Duration::from_millis(100),
        relook: Duration::from_secs(900),
        looks_at_once: 2,
    };

    #[derive(Default)]
    struct Counted {
        looks: Arc<AtomicUsize>,
        fails: AtomicBool,
        hangs: bool,
    }

    #[async_trait]
    impl Source for Counted {
        async fn look(&self) -> bool {
            self.looks.fetch_add(1, Ordering::SeqCst);
            if self.hangs {
                std::future::pending::<()>().await;
            }
            !self.fails.swap(false, Ordering::SeqCst)
        }
    }

    fn watch(
        readers: &Readers<u32, Counted>,
        subject: &str,
    ) -> (Arc<Watched<u32, Counted>>, Arc<AtomicUsize>) {
        let watched = readers.watch(subject, 1, Counted::default);
        let looks = Arc::clone(&watched.source().looks);
        (watched, looks)
    }

    /// With time paused it goes by once nothing else is left to do.
    async fn pass(time: Duration) {
        sleep(time).await;
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_read_once_for_all_and_only_when_it_changed() {
        let changes = Changes::default();
        let readers = Readers::new(&changes, PACE);
        let (first, looks) = watch(&readers, "a");
        let many: Vec<_> = (0..300).map(|_| watch(&readers, "a").0).collect();
        pass(Duration::from_secs(600)).await;
        assert_eq!((readers.watched(), looks.load(Ordering::SeqCst)), (1, 1));
        changes.tell("b");
        changes.tell("a");
        pass(Duration::from_secs(60)).await;
        assert_eq!(looks.load(Ordering::SeqCst), 2, "once for 301");
        changes.hear(Change::Anything);
        pass(Duration::from_secs(60)).await;
        assert_eq!(looks.load(Ordering::SeqCst), 3);
        pass(PACE.relook).await;
        assert_eq!(looks.load(Ordering::SeqCst), 4, "the slow look of its own accord");
        drop(many);
        assert_eq!(readers.watched(), 1);
        drop(first);
        assert_eq!(readers.watched(), 0);
        changes.tell("a");
        pass(Duration::from_secs(60)).await;
        assert_eq!(looks.load(Ordering::SeqCst), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_seen_together_and_a_failure_tried_again() {
        let changes = Changes::default();
        let readers = Readers::new(&changes, PACE);
        let (watched, looks) = watch(&readers, "a");
        for _ in 0..100 {
            pass(Duration::from_millis(10)).await;
            changes.tell("a");
        }
        let after_a_second = looks.load(Ordering::SeqCst);
        assert!((2..=3).contains(&after_a_second), "{after_a_second}");
        pass(Duration::from_secs(1)).await;
        let before = looks.load(Ordering::SeqCst);
        watched.source().fails.store(true, Ordering::SeqCst);
        changes.tell("a");
        pass(Duration::from_secs(1)).await;
        assert_eq!(looks.load(Ordering::SeqCst), before + 2);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_does_not_answer_holds_up_no_other() {
        let changes = Changes::default();
        let readers = Readers::new(&changes, PACE);
        let hanging = || Counted { hangs: true, ..Counted::default() };
        let stuck = readers.watch("a", 2, hanging);
        let (_watched, looks) = watch(&readers, "a");
        for seen in 1..4 {
            pass(Duration::from_secs(1)).await;
            assert_eq!(looks.load(Ordering::SeqCst), seen);
            changes.tell("a");
        }
        assert_eq!(stuck.source().looks.load(Ordering::SeqCst), 1);
    }
}
