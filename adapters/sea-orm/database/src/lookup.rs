//! Reads by key that wait together go as one statement: what comes while one is under way becomes the next one, and who
//! comes alone goes alone and at once. Who asks for a key that waits already waits with it, so a crowd at one key takes
//! the room of one. A read begins after all of it have asked, so nobody sees less than was committed before; that is why
//! nobody joins a key that is being read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use in_process_gather::{Batching, Gather, Limits, Missed, Waiting};
use kernel::{StoreError, Uuid};
use tokio_util::task::TaskTracker;

use crate::Database;

/// Two at once: one decodes its rows while the database reads for the other. One whose connection is stuck does not keep
/// the others.
const LIMITS: Limits = Limits {
    batch_weight: 256,
    waiting_weight: 8 * 256,
    at_once: 2,
    patience: Some(Duration::from_millis(250)),
    rest: Duration::ZERO,
};

type Found<V> = Result<Option<V>, StoreError>;
type Read<K, V> =
    dyn Fn(Vec<K>) -> BoxFuture<'static, Result<BTreeMap<K, V>, StoreError>> + Send + Sync;

/// The read that those who ask for one key wait for together; weakly it ends with the last of them.
type Asked<V> = Shared<BoxFuture<'static, Found<V>>>;
type Unheld<V> = WeakShared<BoxFuture<'static, Found<V>>>;

/// The keys whose reads have not begun, each with those who wait for it, as long as somebody does.
struct Unread<K, V>(Mutex<BTreeMap<K, Unheld<V>>>);

/// Reads of one kind. What cannot be read of one key is best a `V` of its own, so that it keeps no other from its own.
pub struct Lookup<K, V> {
    gather: Gather<K, Found<V>>,
    unread: Arc<Unread<K, V>>,
    doing: &'static str,
}

impl<K, V> Lookup<K, V>
where
    K: Clone + Ord + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// `read` is given keys of which none is there twice, and gives what it finds.
    pub fn new(
        db: &Database,
        doing: &'static str,
        batching: Batching,
        read: impl Fn(Vec<K>) -> BoxFuture<'static, Result<BTreeMap<K, V>, StoreError>>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self::among(db.tasks().clone(), doing, batching, Arc::new(read))
    }

    fn among(
        tasks: TaskTracker,
        doing: &'static str,
        batching: Batching,
        read: Arc<Read<K, V>>,
    ) -> Self {
        let unread = Arc::new(Unread(Mutex::default()));
        let begun = Arc::clone(&unread);
        let run = move |waiting: Vec<Waiting<K, Found<V>>>| -> BoxFuture<'static, ()> {
            begun.begin(waiting.iter().map(|one| &one.item));
            Box::pin(answer(Arc::clone(&read), waiting))
        };
        Self { gather: Gather::new(batching, LIMITS, tasks, run), unread, doing }
    }

    /// What is there for a key. Those of one `turn` go in their order, and turns with each other.
    ///
    /// # Errors
    /// As the read says it; [`StoreError::Overloaded`] where too many keys wait.
    pub async fn find(&self, turn: Uuid, key: K) -> Found<V> {
        let asked = self.unread.join(&key, || self.ask(turn, key.clone()));
        asked.await
    }

    fn ask(&self, turn: Uuid, key: K) -> BoxFuture<'static, Found<V>> {
        let (gather, doing) = (self.gather.clone(), self.doing);
        let left = Left { unread: Arc::clone(&self.unread), key: key.clone() };
        let found = async move {
            let _left = left;
            gather.submit(turn, 1, key).await.unwrap_or_else(|missed| match missed {
                Missed::Full => Err(StoreError::Overloaded { doing }),
                Missed::Lost => {
                    Err(StoreError::Unavailable { doing, cause: "the read ended".to_owned() })
                }
            })
        };
        found.boxed()
    }
}

impl<K: Clone + Ord, V: Clone> Unread<K, V> {
    /// The read of a key that waits for its turn, or a new one.
    fn join(&self, key: &K, ask: impl FnOnce() -> BoxFuture<'static, Found<V>>) -> Asked<V> {
        let mut unread = self.lock();
        if let Some(asked) = unread.get(key).and_then(WeakShared::upgrade) {
            return asked;
        }
        let asked = ask().shared();
        unread.extend(asked.downgrade().map(|asked| (key.clone(), asked)));
        asked
    }

    /// From here on whoever asks for these may have to see more than is read now.
    fn begin<'a>(&self, keys: impl Iterator<Item = &'a K>)
    where
        K: 'a,
    {
        let mut unread = self.lock();
        for key in keys {
            unread.remove(key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<K, Unheld<V>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Clears up after those who all went away before their read began. Another may wait for the key by now.
struct Left<K: Clone + Ord, V: Clone> {
    unread: Arc<Unread<K, V>>,
    key: K,
}

impl<K: Clone + Ord, V: Clone> Drop for Left<K, V> {
    fn drop(&mut self) {
        // Let go of after the lock: this may be the last that holds it, whose end comes here again.
        let _another = {
            let mut unread = self.unread.lock();
            let another = unread.get(&self.key).and_then(WeakShared::upgrade);
            if another.is_none() {
                unread.remove(&self.key);
            }
            another
        };
    }
}

async fn answer<K, V>(read: Arc<Read<K, V>>, waiting: Vec<Waiting<K, Found<V>>>)
where
    K: Clone + Ord,
    V: Clone,
{
    let mut keys: Vec<_> = waiting.iter().map(|one| one.item.clone()).collect();
    keys.sort();
    keys.dedup();
    match read(keys).await {
        Ok(found) => {
            for one in waiting {
                let of_it = found.get(&one.item).cloned();
                one.answer(Ok(of_it));
            }
        }
        Err(error) => waiting.into_iter().for_each(|one| one.answer(Err(error.clone()))),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;
    use tokio::sync::Semaphore;

    use super::*;

    /// Reads that take their time: each gives how many had begun when it did.
    struct Slow {
        lookup: Lookup<u32, usize>,
        begun: Arc<AtomicUsize>,
        may_end: Arc<Semaphore>,
    }

    fn slow() -> Slow {
        let (begun, may_end) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let (counted, ends) = (Arc::clone(&begun), Arc::clone(&may_end));
        type Read = BoxFuture<'static, Result<BTreeMap<u32, usize>, StoreError>>;
        let read = move |keys: Vec<u32>| -> Read {
            let (number, ends) = (counted.fetch_add(1, Ordering::SeqCst) + 1, Arc::clone(&ends));
            Box::pin(async move {
                drop(ends.acquire().await);
                Ok(keys.into_iter().map(|key| (key, number)).collect())
            })
        };
        let lookup = Lookup::among(TaskTracker::new(), "reading", Batching::On, Arc::new(read));
        Slow { lookup, begun, may_end }
    }

    impl Slow {
        fn find(&self, key: u32) -> BoxFuture<'_, Found<usize>> {
            self.lookup.find(Uuid::from_u128(u128::from(key)), key).boxed()
        }

        /// As many reads are under way as may be, for a while yet.
        async fn busy(&self) -> Vec<BoxFuture<'_, Found<usize>>> {
            let mut busy: Vec<_> = (0..2).map(|key| self.find(key)).collect();
            for (begun, one) in (1..).zip(&mut busy) {
                assert!(one.now_or_never().is_none());
                while self.begun.load(Ordering::SeqCst) < begun {
                    tokio::task::yield_now().await;
                }
            }
            busy
        }
    }

    #[tokio::test]
    async fn a_crowd_at_one_key_takes_the_room_of_one_and_sees_what_came_before_it() {
        let slow = slow();
        let busy = slow.busy().await;
        let mut crowd: Vec<_> = (0..2 * LIMITS.waiting_weight).map(|_| slow.find(1)).collect();
        assert!(crowd.iter_mut().all(|one| one.now_or_never().is_none()), "nobody is refused");
        let mut other = slow.find(9);
        assert!((&mut other).now_or_never().is_none(), "there is room for others");
        slow.may_end.add_permits(9);
        assert_eq!(join_all(busy).await, [Ok(Some(1)), Ok(Some(2))]);
        assert!(join_all(crowd).await.iter().all(|found| *found == Ok(Some(3))), "a later read");
        assert_eq!(other.await, Ok(Some(3)), "the same");
        assert!(slow.lookup.unread.lock().is_empty());
    }

    #[tokio::test]
    async fn who_goes_away_takes_nobody_along_and_leaves_nothing() {
        let slow = slow();
        let busy = slow.busy().await;
        let (mut first, mut second, mut alone) = (slow.find(5), slow.find(5), slow.find(6));
        for one in [&mut first, &mut second, &mut alone] {
            assert!(one.now_or_never().is_none());
        }
        drop((first, alone));
        assert_eq!(slow.lookup.unread.lock().len(), 1, "of a key that nobody waits for");
        slow.may_end.add_permits(9);
        join_all(busy).await;
        assert_eq!(second.await, Ok(Some(3)));
        assert!(slow.lookup.unread.lock().is_empty());
    }
}
