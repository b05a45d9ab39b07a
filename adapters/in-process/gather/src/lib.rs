//! What comes at once goes together: what waits while one batch is under way becomes the next one. Who comes alone goes
//! alone and at once; nobody waits for a timer, unless batches are given a rest. What is gathered, and what is done with
//! it, is its user's.

mod batching;
mod queue;

use std::fmt::{self, Debug, Formatter};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use kernel::Uuid;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, Span};

pub use self::batching::Batching;
use self::queue::Queue;

/// How much goes together and how much may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// What one batch may weigh.
    pub batch_weight: usize,
    /// What may wait in all.
    pub waiting_weight: usize,
    /// How many batches may be under way at once.
    pub at_once: usize,
    /// How long one that is slow keeps the next from beginning; without it until it ends. Nobody who comes alone
    /// waits for it.
    pub patience: Option<Duration>,
    /// How long nothing begins after a batch, so that more goes together: for what nobody waits for. Who comes after
    /// it alone goes at once. Where a whole batch waits already there is no rest.
    pub rest: Duration,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Missed {
    /// As much waits as may: it was not begun, and nobody will.
    #[error("too much waits already")]
    Full,
    /// The batch ended without an answer to this one. It may have been done.
    #[error("the batch ended without an answer")]
    Lost,
}

/// One of a batch, whose caller waits for its answer.
pub struct Waiting<T, A> {
    /// What its caller gave.
    pub item: T,
    /// Its caller's span, for what is done for it alone.
    pub span: Span,
    /// The same as a text, for messages that it leads to.
    pub traceparent: Option<String>,
    /// Since when it waits.
    pub since: Instant,
    answer: oneshot::Sender<A>,
}

impl<T, A> Waiting<T, A> {
    /// Answers its caller, who may have gone away.
    pub fn answer(self, answer: A) {
        let _ = self.answer.send(answer);
    }

    fn is_awaited(&self) -> bool {
        !self.answer.is_closed()
    }
}

type Run<T, A> = dyn Fn(Vec<Waiting<T, A>>) -> BoxFuture<'static, ()> + Send + Sync;

/// Gathers what goes together. Clones share the queue.
pub struct Gather<T, A>(Arc<Shared<T, A>>);

struct Shared<T, A> {
    batching: Batching,
    limits: Limits,
    tasks: TaskTracker,
    run: Box<Run<T, A>>,
    queue: Mutex<Queue<Waiting<T, A>>>,
}

impl<T, A> Gather<T, A>
where
    T: Send + 'static,
    A: Send + 'static,
{
    /// `run` is given each batch, in the order of turns, within a span of its own, and answers its members; whom it
    /// does not answer is [`Missed::Lost`]. It runs among `tasks`.
    pub fn new(
        batching: Batching,
        limits: Limits,
        tasks: TaskTracker,
        run: impl Fn(Vec<Waiting<T, A>>) -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) -> Self {
        let queue = Mutex::new(Queue::new(limits));
        Self(Arc::new(Shared { batching, limits, tasks, run: Box::new(run), queue }))
    }

    /// Has an item done with others. Those of one `key` take their turns in the order they came, and keys take turns
    /// with each other, so that a hot one does not keep the others waiting. `weight` is how much of a batch it is. A
    /// caller that goes away before its batch has begun takes its item with it, and none that has begun.
    ///
    /// # Errors
    /// [`Missed`]
    pub async fn submit(&self, key: Uuid, weight: usize, item: T) -> Result<A, Missed> {
        let (answer, answered) = oneshot::channel();
        let traceparent = telemetry_traces::traceparent();
        let (span, since) = (Span::current(), Instant::now());
        let waiting = Waiting { item, span, traceparent, since, answer };
        if self.0.batching == Batching::Off {
            self.0.begin(vec![waiting]);
        } else if self.0.queue().push(key, weight, waiting).map_err(|_full| Missed::Full)? {
            self.0.tasks.spawn(Arc::clone(&self.0).work_off());
        }
        answered.await.map_err(|_gone| Missed::Lost)
    }
}

impl<T, A> Shared<T, A>
where
    T: Send + 'static,
    A: Send + 'static,
{
    /// Runs batch after batch until nobody waits.
    async fn work_off(self: Arc<Self>) {
        while let Some(mut batch) = self.next_batch() {
            batch.retain(Waiting::is_awaited);
            if batch.is_empty() {
                continue;
            }
            let running = self.begin(batch);
            // However it ends: its callers hear of it by their answers, or by there being none.
            match self.limits.patience {
                Some(patience) => drop(tokio::time::timeout(patience, running).await),
                None => drop(running.await),
            }
            if !self.limits.rest.is_zero() && !self.queue().has_a_batch() {
                tokio::time::sleep(self.limits.rest).await;
            }
        }
    }

    /// In a task of its own, so that a panic ends one batch and no other.
    fn begin(self: &Arc<Self>, batch: Vec<Waiting<T, A>>) -> JoinHandle<()> {
        let (shared, span) = (Arc::clone(self), batch_span(&batch));
        self.tasks.spawn(async move { (shared.run)(batch).await }.instrument(span))
    }

    /// In a scope of its own, so that no lock is held across a wait.
    fn next_batch(&self) -> Option<Vec<Waiting<T, A>>> {
        self.queue().take()
    }

    fn queue(&self) -> MutexGuard<'_, Queue<Waiting<T, A>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is done for one caller is part of its trace; what several share is part of the first one's, and linked from it
/// to the others'.
fn batch_span<T, A>(batch: &[Waiting<T, A>]) -> Span {
    let first = match batch {
        [] => return Span::none(),
        [alone] => return alone.span.clone(),
        [first, ..] => first,
    };
    let jobs = i64::try_from(batch.len()).unwrap_or(i64::MAX);
    let span = tracing::info_span!(parent: &first.span, "batch", jobs);
    for traceparent in batch.iter().skip(1).filter_map(|waiting| waiting.traceparent.as_deref()) {
        telemetry_traces::link_to_traceparent(&span, traceparent);
    }
    span
}

impl<T, A> Clone for Gather<T, A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T, A> Debug for Gather<T, A> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gather").field("limits", &self.0.limits).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
