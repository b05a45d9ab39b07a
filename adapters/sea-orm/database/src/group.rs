//! Group commit: what waits while one transaction runs becomes the next one, so that many callers share a commit
//! and nobody waits for a timer. Correctness never rests on it: rows are locked and decided on in each transaction,
//! whoever else runs one.

mod queue;

use std::fmt::{self, Debug, Display, Formatter};
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;
use kernel::{Committed, StoreError, Uuid};
use sea_orm::DatabaseTransaction;
use tokio::sync::oneshot;
use tracing::{Instrument, Span};

use self::queue::Queue;
use crate::Database;
use crate::unit_of_work::{Failure, TxError, Wake};

/// How jobs share transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batching {
    /// Whatever waits goes together.
    On,
    /// Each has a transaction of its own: what group commit is measured against.
    Off,
}

impl Display for Batching {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::On { "on" } else { "off" })
    }
}

impl FromStr for Batching {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "on" => Ok(Self::On),
            "off" => Ok(Self::Off),
            _ => Err("must be on or off".to_owned()),
        }
    }
}

/// One job of a batch, with the trace it belongs to.
#[derive(Debug, Clone)]
pub struct Job<J> {
    /// What is to be decided.
    pub work: J,
    /// The caller's span, for messages that the job leads to.
    pub traceparent: Option<String>,
}

type Run<J, A> = dyn for<'tx> Fn(&'tx DatabaseTransaction, Arc<[Job<J>]>) -> BoxFuture<'tx, Result<Vec<A>, TxError>>
    + Send
    + Sync;

/// Jobs of one kind that share transactions. Clones share the queue.
pub struct Group<J, A>(Arc<Shared<J, A>>);

struct Shared<J, A> {
    db: Database,
    doing: &'static str,
    batching: Batching,
    run: Box<Run<J, A>>,
    queue: Mutex<Queue<Waiting<J, A>>>,
}

struct Waiting<J, A> {
    job: Job<J>,
    span: Span,
    answer: oneshot::Sender<Result<A, StoreError>>,
}

impl<J, A> Group<J, A>
where
    J: Clone + Send + Sync + 'static,
    A: Send + 'static,
{
    /// `run` decides jobs in their order in one transaction and gives an answer to each. It MUST be idempotent, as
    /// what [`Database::write`] runs.
    pub fn new(
        db: Database,
        doing: &'static str,
        batching: Batching,
        run: impl for<'tx> Fn(
            &'tx DatabaseTransaction,
            Arc<[Job<J>]>,
        ) -> BoxFuture<'tx, Result<Vec<A>, TxError>>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        let queue = Mutex::new(Queue::default());
        Self(Arc::new(Shared { db, doing, batching, run: Box::new(run), queue }))
    }

    /// Has a job decided with others. Those of one `key` take their turns in the order they came, and keys take
    /// turns with each other, so that a hot one does not keep the others waiting. `weight` is how much of a batch it
    /// is. A caller that goes away before its batch has begun takes its job with it, and none that has begun.
    ///
    /// # Errors
    /// [`StoreError`], of its own job alone. `Overloaded` when too many wait.
    pub async fn submit(&self, key: Uuid, weight: usize, work: J) -> Result<A, StoreError> {
        let job = Job { work, traceparent: telemetry_traces::traceparent() };
        if self.0.batching == Batching::Off {
            return self.0.alone(job).await;
        }
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { job, span: Span::current(), answer };
        let begins = self.0.queue().push(key, weight, waiting);
        let begins = begins.map_err(|_full| StoreError::Overloaded { doing: self.0.doing })?;
        if begins {
            self.0.db.tasks().spawn(Arc::clone(&self.0).see_to_it());
        }
        answered.await.unwrap_or_else(|_gone| Err(self.0.lost()))
    }
}

impl<J, A> Shared<J, A>
where
    J: Clone + Send + Sync + 'static,
    A: Send + 'static,
{
    /// Whoever waits must not wait for ever because of a panic.
    async fn see_to_it(self: Arc<Self>) {
        let begin = || self.db.tasks().spawn(Arc::clone(&self).work_off());
        while begin().await.is_err_and(|end| end.is_panic()) {}
    }

    /// Runs batch after batch until nobody waits.
    async fn work_off(self: Arc<Self>) {
        while let Some(mut batch) = self.next_batch() {
            batch.retain(|waiting| !waiting.answer.is_closed());
            let Some(first) = batch.first() else { continue };
            let span = batch_span(&first.span, &batch);
            self.clone().decide(batch).instrument(span).await;
        }
    }

    /// In a scope of its own, so that no lock is held across a wait.
    fn next_batch(&self) -> Option<Vec<Waiting<J, A>>> {
        self.queue().take()
    }

    async fn decide(self: Arc<Self>, batch: Vec<Waiting<J, A>>) {
        let jobs: Arc<[Job<J>]> = batch.iter().map(|waiting| waiting.job.clone()).collect();
        match self.together(jobs).await {
            Ok(answers) if answers.len() == batch.len() => {
                let answered = batch.into_iter().zip(answers);
                answered.for_each(|(waiting, answer)| waiting.end(Ok(answer)));
            }
            Ok(_) => batch.into_iter().for_each(|waiting| waiting.end(Err(self.lost()))),
            // One of them cannot be decided, and must not keep the others from it.
            Err(Failure::Refused(_)) if batch.len() > 1 => {
                for waiting in batch {
                    let alone = self.alone(waiting.job.clone());
                    let answered = alone.instrument(waiting.span.clone()).await;
                    waiting.end(answered);
                }
            }
            Err(failure) => {
                let error = StoreError::from(failure);
                batch.into_iter().for_each(|waiting| waiting.end(Err(error.clone())));
            }
        }
    }

    async fn together(self: &Arc<Self>, jobs: Arc<[Job<J>]>) -> Result<Vec<A>, Failure> {
        let shared = Arc::clone(self);
        let ending = self
            .db
            .transact(self.doing, Wake::Listeners, move |tx| (shared.run)(tx, Arc::clone(&jobs)));
        ending.await?.map_err(|verdict: Committed| {
            let cause = format!("aborted as {verdict:?}");
            Failure::Refused(StoreError::Unavailable { doing: self.doing, cause })
        })
    }

    async fn alone(self: &Arc<Self>, job: Job<J>) -> Result<A, StoreError> {
        let answers = self.together(Arc::from([job])).await?;
        answers.into_iter().next().ok_or_else(|| self.lost())
    }

    fn lost(&self) -> StoreError {
        let cause = "the batch ended without an answer".to_owned();
        StoreError::Unavailable { doing: self.doing, cause }
    }

    fn queue(&self) -> MutexGuard<'_, Queue<Waiting<J, A>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<J, A> Waiting<J, A> {
    fn end(self, answer: Result<A, StoreError>) {
        // Whoever has gone away does not hear of it.
        let _ = self.answer.send(answer);
    }
}

/// One caller's transaction is part of its trace; what several share is part of the first one's, and linked from it
/// to the others'.
fn batch_span<J, A>(first: &Span, batch: &[Waiting<J, A>]) -> Span {
    if batch.len() == 1 {
        return first.clone();
    }
    let jobs = i64::try_from(batch.len()).unwrap_or(i64::MAX);
    let span = tracing::info_span!(parent: first, "batch", jobs);
    for traceparent in batch.iter().skip(1).filter_map(|waiting| waiting.job.traceparent.as_deref())
    {
        telemetry_traces::link_to_traceparent(&span, traceparent);
    }
    span
}

impl<J, A> Clone for Group<J, A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<J, A> Debug for Group<J, A> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("doing", &self.0.doing).finish_non_exhaustive()
    }
}
