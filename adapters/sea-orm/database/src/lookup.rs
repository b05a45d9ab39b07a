//! Reads by key that wait together go as one statement: what comes while one is under way becomes the next one, and who
//! comes alone goes alone and at once. A read begins after all of it have asked, so nobody sees less than was committed
//! before.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use in_process_gather::{Batching, Gather, Limits, Missed, Waiting};
use kernel::{StoreError, Uuid};

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

/// Reads of one kind. What cannot be read of one key is best a `V` of its own, so that it keeps no other from its own.
pub struct Lookup<K, V> {
    gather: Gather<K, Found<V>>,
    doing: &'static str,
}

impl<K, V> Lookup<K, V>
where
    K: Clone + Ord + Send + 'static,
    V: Clone + Send + 'static,
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
        let read: Arc<Read<K, V>> = Arc::new(read);
        let run = move |waiting| -> BoxFuture<'static, ()> {
            Box::pin(answer(Arc::clone(&read), waiting))
        };
        Self { gather: Gather::new(batching, LIMITS, db.tasks().clone(), run), doing }
    }

    /// What is there for a key. Those of one `turn` go in their order, and turns with each other.
    ///
    /// # Errors
    /// As the read says it; [`StoreError::Overloaded`] where too many wait.
    pub async fn find(&self, turn: Uuid, key: K) -> Found<V> {
        let doing = self.doing;
        self.gather.submit(turn, 1, key).await.unwrap_or_else(|missed| match missed {
            Missed::Full => Err(StoreError::Overloaded { doing }),
            Missed::Lost => {
                Err(StoreError::Unavailable { doing, cause: "the read ended".to_owned() })
            }
        })
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
