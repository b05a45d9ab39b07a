//! The unit of work: one closure, one transaction, no way to cancel it half-way.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use in_process_watching::Changes;
use kernel::{Committed, StoreError};
use sea_orm::{ConnAcquireErr, DatabaseTransaction, DbBackend, DbErr, TransactionTrait};
use telemetry_metrics::Counter;
use telemetry_metrics::names::{DB_TRANSACTION_DURATION, DB_TRANSACTIONS};
use tokio::time::timeout;
use tracing::{Instrument, Span};

use crate::Database;
use crate::engine::{
    begin_write, is_answer, is_lock_wait, is_out_of_time, is_passing, without_values,
};

const RUNS_MAX: u32 = 5;
/// Longer than waiting for a connection, a lock and the longest statement together: past it the network
/// is gone, and nothing but this would end the wait for an answer.
const RUN_TIMEOUT: Duration = Duration::from_secs(15);
const BACKOFF_BASE_MS: u64 = 10;

/// Why a transaction closure ends its transaction without a commit.
#[derive(Debug, thiserror::Error)]
pub enum TxError {
    /// Roll back; this is the verdict of the commit.
    #[error("rolled back: {0:?}")]
    Abort(Committed),
    /// Roll back and fail with this.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database failed; if running the closure again may help, it is run again.
    #[error(transparent)]
    Db(#[from] DbErr),
}

type Work<T> =
    dyn for<'tx> Fn(&'tx DatabaseTransaction) -> BoxFuture<'tx, Result<T, TxError>> + Send + Sync;

/// Whether those who wait for [`Database::committed`] hear of a commit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wake {
    Listeners,
    /// For commits that create no work for anybody, such as the relay's own marks.
    Nobody,
}

/// Why a transaction ended without a commit, after all its runs.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The database is away or has too much to do: nobody else will fare better.
    Away(StoreError),
    /// What was to be written, or what was read, cannot be.
    Refused(StoreError),
}

impl Failure {
    /// Of a transaction that may have been committed before it failed: then nobody may be told that nothing was done,
    /// as who is refused for want of room is.
    fn in_doubt(self) -> Self {
        match self {
            Self::Away(StoreError::Overloaded { doing }) => {
                let cause =
                    "it may have been done before the database had too much to do".to_owned();
                Self::Away(StoreError::Unavailable { doing, cause })
            }
            certain @ (Self::Away(_) | Self::Refused(_)) => certain,
        }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Away(error) | Failure::Refused(error) => error,
        }
    }
}

/// Names what was being done when the database failed.
pub fn unavailable(doing: &'static str) -> impl Fn(DbErr) -> StoreError {
    move |error| {
        let queued_in_vain = matches!(error, DbErr::ConnectionAcquire(ConnAcquireErr::Timeout));
        if queued_in_vain || is_lock_wait(&error) {
            StoreError::Overloaded { doing }
        } else {
            StoreError::Unavailable { doing, cause: without_values(&error) }
        }
    }
}

impl Database {
    /// Runs `work` in a writing transaction and commits if it returns `Ok`.
    ///
    /// `work` is run again from its beginning, up to 5 times, when the database was busy or chose the
    /// transaction as a deadlock's victim, and also when COMMIT failed in an unknown way, which may
    /// have committed (reliability.md F16). It MUST therefore be idempotent: it starts with a
    /// conditional update on the expected revision, or ends with the marks of [`crate::write_marks`],
    /// so that a second run finds the first one's effect. It MUST NOT call the network.
    ///
    /// Dropping the returned future does not stop a begun transaction (F1, F2): it runs in a task of
    /// the database, for which [`Database::close`] waits. A server that stops answering ends it after 15 s.
    ///
    /// # Errors
    /// [`StoreError`] as `work` returned it, or `Unavailable` when the database failed, or when `work`
    /// aborted: aborting is for [`Database::commit`].
    pub async fn write<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl for<'tx> Fn(&'tx DatabaseTransaction) -> BoxFuture<'tx, Result<T, TxError>>
        + Send
        + Sync
        + 'static,
    ) -> Result<T, StoreError> {
        self.transact(doing, Wake::Listeners, work).await?.map_err(|verdict| {
            StoreError::Unavailable { doing, cause: format!("aborted as {verdict:?}") }
        })
    }

    /// As [`Database::write`], for the commit of a change: [`TxError::Abort`] is its verdict.
    ///
    /// # Errors
    /// As [`Database::write`].
    pub async fn commit(
        &self,
        doing: &'static str,
        work: impl for<'tx> Fn(&'tx DatabaseTransaction) -> BoxFuture<'tx, Result<(), TxError>>
        + Send
        + Sync
        + 'static,
    ) -> Result<Committed, StoreError> {
        let ending = self.transact(doing, Wake::Listeners, work).await?;
        Ok(ending.err().unwrap_or(Committed::Done))
    }

    /// The inner `Err` is the verdict of a closure that aborted.
    pub(crate) async fn transact<T: Send + 'static>(
        &self,
        doing: &'static str,
        wake: Wake,
        work: impl for<'tx> Fn(&'tx DatabaseTransaction) -> BoxFuture<'tx, Result<T, TxError>>
        + Send
        + Sync
        + 'static,
    ) -> Result<Result<T, Committed>, Failure> {
        self.verified(doing).map_err(Failure::Away)?;
        let database = self.clone();
        let span = tracing::info_span!(
            "transaction",
            otel.name = doing,
            otel.kind = "client",
            otel.status_code = tracing::field::Empty,
            db.system.name = database.system(),
            db.namespace = database.name(),
        );
        let body = async move {
            let began = Instant::now();
            let running = run_until_decided(&database, doing, &work);
            let (ending, followed) = following(running).await;
            if matches!(ending, Ok(Ok(_))) {
                followed.into_iter().for_each(|follow| follow());
            }
            measure(&database, &ending, began.elapsed());
            if wake == Wake::Listeners && matches!(ending, Ok(Ok(_))) {
                database.announce_commit();
            }
            ending
        };
        // A panic in the closure ends here; its transaction was rolled back when it was unwound.
        let ending = self.tasks().spawn(body.instrument(span)).await;
        ending.unwrap_or_else(|panic| {
            Err(Failure::Refused(StoreError::Unavailable { doing, cause: panic.to_string() }))
        })
    }
}

type Follow = Box<dyn FnOnce() + Send>;

tokio::task_local! {
    /// What follows the run under way if it is committed.
    static FOLLOWING: RefCell<Vec<Follow>>;
}

/// Runs a transaction and gives what follows its last run as well.
async fn following<T>(running: impl Future<Output = T>) -> (T, Vec<Follow>) {
    FOLLOWING
        .scope(RefCell::default(), async {
            let ending = running.await;
            (ending, FOLLOWING.with(RefCell::take))
        })
        .await
}

/// Does this once the transaction under way is committed, before anybody is answered, however often it is run. A
/// commit of which nobody knows whether it was one is not followed by anything.
pub fn at_commit(follow: impl FnOnce() + Send + 'static) {
    // Outside a transaction of ours there is nothing to follow.
    let _ = FOLLOWING.try_with(|following| following.borrow_mut().push(Box::new(follow)));
}

/// Tells whoever watches one of these that it changed, if the transaction under way is committed.
pub fn tell_at_commit(changes: &Changes, what: BTreeSet<String>) {
    if !what.is_empty() {
        let changes = changes.clone();
        at_commit(move || what.iter().for_each(|what| changes.tell(what)));
    }
}

/// Counts one more of this outcome if the transaction under way is committed.
pub fn count_at_commit(counter: &'static Counter<1>, outcome: &'static str) {
    at_commit(move || counter.add([outcome]));
}

/// Begins at 0 what is counted of a database's transactions.
pub(crate) fn begin_counting(database: &'static str) {
    for outcome in ["committed", "aborted", "failed", "rerun"] {
        DB_TRANSACTIONS.begin([database, outcome]);
    }
}

fn measure<T>(database: &Database, ending: &Result<Result<T, Committed>, Failure>, took: Duration) {
    let outcome = match ending {
        Ok(Ok(_)) => "committed",
        Ok(Err(_)) => "aborted",
        Err(_) => {
            Span::current().record("otel.status_code", "ERROR");
            "failed"
        }
    };
    DB_TRANSACTION_DURATION.observe([database.name()], took);
    DB_TRANSACTIONS.add([database.name(), outcome]);
}

/// How one run ended: decided, or worth another run.
enum Run<T> {
    Decided(Result<Result<T, Committed>, Failure>),
    Again(DbErr),
    /// COMMIT failed, and may have been one (F16).
    Unknown(DbErr),
}

async fn run_until_decided<T>(
    database: &Database,
    doing: &'static str,
    work: &Work<T>,
) -> Result<Result<T, Committed>, Failure> {
    let (mut run, mut may_be_done) = (1, false);
    loop {
        drop(FOLLOWING.with(RefCell::take));
        let ended = run_in_time(database, doing, work).await;
        may_be_done |= matches!(ended, Run::Unknown(_));
        let given_up = |failure: Failure| if may_be_done { failure.in_doubt() } else { failure };
        match ended {
            Run::Decided(ending) => return ending.map_err(given_up),
            Run::Again(error) | Run::Unknown(error) if run == RUNS_MAX => {
                return Err(given_up(failure(doing, error)));
            }
            Run::Again(error) | Run::Unknown(error) => {
                DB_TRANSACTIONS.add([database.name(), "rerun"]);
                let error = without_values(&error);
                tracing::debug!(doing, run, error, "running a transaction again");
            }
        }
        tokio::time::sleep(backoff(run)).await;
        run += 1;
    }
}

/// A run whose server has stopped answering is given up and its connection with it. It may have
/// committed, as after any failed COMMIT (F16): nothing was acknowledged, and the same command may come again.
async fn run_in_time<T>(database: &Database, doing: &'static str, work: &Work<T>) -> Run<T> {
    let run = run_once(database, doing, work);
    if database.writer().get_database_backend() == DbBackend::Sqlite {
        // A file has no network, and a run of it never ends on the way.
        return run.await;
    }
    timeout(RUN_TIMEOUT, database.given_up().noting(run)).await.unwrap_or_else(|_late| {
        let cause = "the server has stopped answering".to_owned();
        Run::Decided(Err(Failure::Away(StoreError::Unavailable { doing, cause })))
    })
}

async fn run_once<T>(database: &Database, doing: &'static str, work: &Work<T>) -> Run<T> {
    let tx = match database.writer().begin_with_options(begin_write()).await {
        Ok(tx) => tx,
        Err(error) => return failed(doing, database.reader().server.explain(error).await),
    };
    let refusal = match work(&tx).await {
        Ok(result) => {
            return match tx.commit().await {
                Ok(()) => Run::Decided(Ok(Ok(result))),
                Err(unknown) => Run::Unknown(unknown),
            };
        }
        Err(refusal) => refusal,
    };
    if let Err(error) = tx.rollback().await {
        tracing::warn!(doing, %error, "rolling back failed; the connection is replaced");
    }
    match refusal {
        TxError::Abort(verdict) => Run::Decided(Ok(Err(verdict))),
        TxError::Store(error) => Run::Decided(Err(Failure::Refused(error))),
        TxError::Db(error) => failed(doing, error),
    }
}

fn failed<T>(doing: &'static str, error: DbErr) -> Run<T> {
    if is_passing(&error) { Run::Again(error) } else { Run::Decided(Err(failure(doing, error))) }
}

fn failure(doing: &'static str, error: DbErr) -> Failure {
    let refused = is_answer(&error) && !is_lock_wait(&error) && !is_out_of_time(&error);
    let error = unavailable(doing)(error);
    if refused { Failure::Refused(error) } else { Failure::Away(error) }
}

/// 10 ms doubling with every run, with full jitter so that rivals do not meet again.
fn backoff(run: u32) -> Duration {
    Duration::from_millis(rand::random_range(0..=BACKOFF_BASE_MS << run))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f16_who_may_have_committed_is_never_told_that_there_was_no_room() {
        let full = Failure::Away(StoreError::Overloaded { doing: "paying" });
        let told = StoreError::from(full.in_doubt());
        assert!(matches!(told, StoreError::Unavailable { doing: "paying", .. }), "{told:?}");
    }
}
