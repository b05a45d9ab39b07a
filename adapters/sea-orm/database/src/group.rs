//! Group commit: what waits while one transaction runs becomes the next one, so that many callers share a commit
//! and nobody waits for a timer, except in a group that is unhurried. Correctness never rests on it: rows are locked and decided on in each transaction,
//! whoever else runs one.

use std::fmt::{self, Debug, Formatter};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use in_process_gather::{Gather, Limits, Missed};
use kernel::{Committed, StoreError, Uuid};
use sea_orm::DatabaseTransaction;
use tokio::time::Instant;
use tracing::Instrument;

pub use in_process_gather::Batching;

use crate::Database;
use crate::unit_of_work::{Failure, TxError, Wake};

/// Above 256 a transaction takes longer and is no cheaper for each (performance.md, "Rules these numbers force"). What
/// may wait is some batches, which is some tenths of a second. One transaction at a time: two would wait for each
/// other's rows.
const LIMITS: Limits = Limits {
    batch_weight: 256,
    waiting_weight: 8 * 256,
    at_once: 1,
    patience: None,
    rest: Duration::ZERO,
};
/// What nobody waits for may come a little later: messages that arrive one by one then share transactions, which is
/// what their consumers cost. Far below what a reader of a view notices.
const REST: Duration = Duration::from_millis(50);

/// After a run that had to be repeated everything is looked up for so long: one caller who repeats itself must not make
/// every batch run twice.
const DOUBTED_FOR: Duration = Duration::from_secs(1);

/// One job of a batch, with the trace it belongs to.
#[derive(Debug, Clone)]
pub struct Job<J> {
    /// What is to be decided.
    pub work: J,
    /// The caller's span, for messages that the job leads to.
    pub traceparent: Option<String>,
}

/// Which run of a batch it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// The first one.
    First,
    /// One a moment ago failed, perhaps because something was there that it did not look for.
    Again,
}

type Decide<J, A> = dyn for<'tx> Fn(
        &'tx DatabaseTransaction,
        Arc<[Job<J>]>,
        Run,
    ) -> BoxFuture<'tx, Result<Vec<A>, TxError>>
    + Send
    + Sync;

type Waiting<J, A> = in_process_gather::Waiting<J, Result<A, StoreError>>;

/// Jobs of one kind that share transactions. Clones share the queue.
pub struct Group<J, A> {
    gather: Gather<J, Result<A, StoreError>>,
    doing: &'static str,
}

struct Deciding<J, A> {
    db: Database,
    doing: &'static str,
    /// When the database was found to be away last, and the error.
    away: Mutex<Option<(Instant, StoreError)>>,
    /// When a batch was last run again.
    repeated: Mutex<Option<Instant>>,
    decide: Box<Decide<J, A>>,
}

impl<J, A> Group<J, A>
where
    J: Clone + Send + Sync + 'static,
    A: Send + 'static,
{
    /// `decide` decides jobs in their order in one transaction and gives an answer to each. It MUST be idempotent, as
    /// what [`Database::write`] runs.
    pub fn new(
        db: Database,
        doing: &'static str,
        batching: Batching,
        decide: impl for<'tx> Fn(
            &'tx DatabaseTransaction,
            Arc<[Job<J>]>,
            Run,
        ) -> BoxFuture<'tx, Result<Vec<A>, TxError>>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self::limited(db, doing, batching, LIMITS, Box::new(decide))
    }

    /// As [`Group::new`], for jobs that nobody waits for: they gather for some 50 ms, unless a whole
    /// batch of them waits.
    pub fn unhurried(
        db: Database,
        doing: &'static str,
        batching: Batching,
        decide: impl for<'tx> Fn(
            &'tx DatabaseTransaction,
            Arc<[Job<J>]>,
            Run,
        ) -> BoxFuture<'tx, Result<Vec<A>, TxError>>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self::limited(db, doing, batching, Limits { rest: REST, ..LIMITS }, Box::new(decide))
    }

    fn limited(
        db: Database,
        doing: &'static str,
        batching: Batching,
        limits: Limits,
        decide: Box<Decide<J, A>>,
    ) -> Self {
        let tasks = db.tasks().clone();
        let deciding = {
            let (away, repeated) = (Mutex::default(), Mutex::default());
            Arc::new(Deciding { db, doing, away, repeated, decide })
        };
        let run =
            move |batch| -> BoxFuture<'static, ()> { Box::pin(Arc::clone(&deciding).run(batch)) };
        Self { gather: Gather::new(batching, limits, tasks, run), doing }
    }

    /// Has a job decided with others. Those of one `key` take their turns in the order they came, and keys take
    /// turns with each other, so that a hot one does not keep the others waiting. `weight` is how much of a batch it
    /// is. A caller that goes away before its batch has begun takes its job with it, and none that has begun.
    ///
    /// # Errors
    /// [`StoreError`], of its own job alone. `Overloaded` when too many wait.
    pub async fn submit(&self, key: Uuid, weight: usize, work: J) -> Result<A, StoreError> {
        match self.gather.submit(key, weight, work).await {
            Ok(answer) => answer,
            Err(Missed::Full) => Err(StoreError::Overloaded { doing: self.doing }),
            Err(Missed::Lost) => Err(lost(self.doing)),
        }
    }
}

impl<J, A> Deciding<J, A>
where
    J: Clone + Send + Sync + 'static,
    A: Send + 'static,
{
    async fn run(self: Arc<Self>, batch: Vec<Waiting<J, A>>) {
        let batch = self.not_yet_refused(batch);
        if batch.is_empty() {
            return;
        }
        match self.together(batch.iter().map(job).collect(), Run::First).await {
            Ok(answers) if answers.len() == batch.len() => {
                let answered = batch.into_iter().zip(answers);
                answered.for_each(|(waiting, answer)| waiting.answer(Ok(answer)));
            }
            Ok(_) => batch.into_iter().for_each(|waiting| waiting.answer(Err(lost(self.doing)))),
            // One of them cannot be decided, and must not keep the others from it.
            Err(Failure::Refused(_)) if batch.len() > 1 => self.one_by_one(batch).await,
            Err(failure) => {
                if let Failure::Away(error) = &failure {
                    self.remember(error);
                }
                let error = StoreError::from(failure);
                batch.into_iter().for_each(|waiting| waiting.answer(Err(error.clone())));
            }
        }
    }

    /// Until the database itself is what fails: whoever is left would wait for it in vain.
    async fn one_by_one(self: &Arc<Self>, batch: Vec<Waiting<J, A>>) {
        let mut away = None;
        for waiting in batch {
            if let Some(error) = &away {
                waiting.answer(Err(StoreError::clone(error)));
                continue;
            }
            let alone = self.together(Arc::from([job(&waiting)]), Run::Again);
            let answered = alone.instrument(waiting.span.clone()).await;
            if let Err(Failure::Away(error)) = &answered {
                self.remember(error);
                away = Some(error.clone());
            }
            let answered = answered.map_err(StoreError::from);
            let only = |answers: Vec<A>| answers.into_iter().next().ok_or_else(|| lost(self.doing));
            waiting.answer(answered.and_then(only));
        }
    }

    /// Those who waited already when the database was found to be away are told so at once: a batch of theirs would
    /// find the same, and they have waited for one.
    fn not_yet_refused(&self, batch: Vec<Waiting<J, A>>) -> Vec<Waiting<J, A>> {
        let away = self.away.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some((found_at, error)) = away else { return batch };
        let (refused, others) =
            batch.into_iter().partition::<Vec<_>, _>(|waiting| waiting.since <= found_at);
        refused.into_iter().for_each(|waiting| waiting.answer(Err(error.clone())));
        others
    }

    fn repeated(&self) -> MutexGuard<'_, Option<Instant>> {
        self.repeated.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, away: &StoreError) {
        let away = Some((Instant::now(), away.clone()));
        *self.away.lock().unwrap_or_else(PoisonError::into_inner) = away;
    }

    async fn together(self: &Arc<Self>, jobs: Arc<[Job<J>]>, run: Run) -> Result<Vec<A>, Failure> {
        let is_doubted = self.repeated().is_some_and(|at| at.elapsed() < DOUBTED_FOR);
        let (deciding, has_run) = (Arc::clone(self), AtomicBool::new(false));
        let ending = self.db.transact(self.doing, Wake::Listeners, move |tx| {
            let is_repeated = has_run.swap(true, Ordering::Relaxed);
            if is_repeated {
                *deciding.repeated() = Some(Instant::now());
            }
            let looks = is_repeated || is_doubted || run == Run::Again;
            let run = if looks { Run::Again } else { Run::First };
            (deciding.decide)(tx, Arc::clone(&jobs), run)
        });
        ending.await?.map_err(|verdict: Committed| {
            let cause = format!("aborted as {verdict:?}");
            Failure::Refused(StoreError::Unavailable { doing: self.doing, cause })
        })
    }
}

fn job<J: Clone, A>(waiting: &Waiting<J, A>) -> Job<J> {
    Job { work: waiting.item.clone(), traceparent: waiting.traceparent.clone() }
}

fn lost(doing: &'static str) -> StoreError {
    let cause = "the batch ended without an answer".to_owned();
    StoreError::Unavailable { doing, cause }
}

impl<J, A> Clone for Group<J, A> {
    fn clone(&self) -> Self {
        Self { gather: self.gather.clone(), doing: self.doing }
    }
}

impl<J, A> Debug for Group<J, A> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("doing", &self.doing).finish_non_exhaustive()
    }
}
