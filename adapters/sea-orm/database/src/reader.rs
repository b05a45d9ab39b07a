//! Queries outside transactions, and whether the server behind them answers.

use std::time::Duration;

use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    AccessMode, ConnAcquireErr, ConnectionTrait, DatabaseConnection, DatabaseTransaction,
    DbBackend, DbErr, ExecResult, IsolationLevel, QueryResult, RuntimeErr, Statement,
    TransactionTrait,
};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::engine::{Probe, is_database_missing};
use crate::given_up::GivenUp;
use crate::tables::Lease;
use crate::url::DatabaseUrl;

/// How long a server may take to say that it is there.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(1200);
/// How long an answer counts for those who ask because they got no connection.
const ANSWER_COUNTS: Duration = Duration::from_millis(500);
/// Longer than waiting for a connection and the longest statement together: past it the network is gone.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Ten minutes: what reads whole tables takes longer than what serves.
const POSTGRES_PATIENCE: &str = "SET LOCAL statement_timeout = '600s';
    SET LOCAL idle_in_transaction_session_timeout = '600s';";
const MYSQL_PATIENCE: &str = "SET SESSION innodb_lock_wait_timeout = 2
    /*M!100100 , max_statement_time = 600 */ /*!50708 , max_execution_time = 600000 */";

/// The connections for queries outside transactions. They refuse to write.
pub struct Reader {
    pool: DatabaseConnection,
    pub(crate) server: Server,
    given_up: GivenUp,
}

impl Reader {
    pub(crate) fn new(pool: DatabaseConnection, server: Server, given_up: GivenUp) -> Self {
        Self { pool, server, given_up }
    }

    pub(crate) const fn pool(&self) -> &DatabaseConnection {
        &self.pool
    }

    /// Which engine it is, for the few statements that differ.
    #[must_use]
    pub fn get_database_backend(&self) -> DbBackend {
        self.pool.get_database_backend()
    }

    /// The database as it is at this one moment, for reading whole tables of it. On MySQL the connection
    /// keeps its patience with long statements: not for a process that serves.
    ///
    /// # Errors
    /// The database's, unchanged: the caller says what it was doing.
    pub async fn snapshot(&self) -> Result<DatabaseTransaction, DbErr> {
        let backend = self.get_database_backend();
        let tx = if backend == DbBackend::Sqlite {
            // Its transactions are snapshots anyway.
            self.pool.begin().await?
        } else {
            let isolation = Some(IsolationLevel::RepeatableRead);
            let begin = self.pool.begin_with_config(isolation, Some(AccessMode::ReadOnly));
            self.given_up.noting(begin).await?
        };
        let patience = match backend {
            DbBackend::Postgres => Some(POSTGRES_PATIENCE),
            DbBackend::MySql => Some(MYSQL_PATIENCE),
            DbBackend::Sqlite | _ => None,
        };
        if let Some(patience) = patience {
            tx.execute_unprepared(patience).await?;
        }
        // On every engine the moment is that of the first look at a table, not that of BEGIN.
        let any_table = Query::select().expr(Expr::val(1)).from(Lease::Table).limit(1).to_owned();
        tx.query_one(&any_table).await?;
        Ok(tx)
    }

    pub(crate) async fn close(&self) -> Result<(), DbErr> {
        self.pool.close_by_ref().await
    }

    async fn read<T>(&self, reading: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        match timeout(READ_TIMEOUT, self.given_up.noting(reading)).await {
            Ok(Ok(read)) => Ok(read),
            Ok(Err(error)) => Err(self.server.explain(error).await),
            Err(_late) => Err(away("it has stopped answering")),
        }
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Reader {
    fn get_database_backend(&self) -> DbBackend {
        Self::get_database_backend(self)
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.read(self.pool.execute_raw(statement)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.read(self.pool.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.read(self.pool.query_one_raw(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.read(self.pool.query_all_raw(statement)).await
    }
}

/// The server of a database, as one that answers or does not.
pub(crate) struct Server {
    url: DatabaseUrl,
    asking: Mutex<Asking>,
}

#[derive(Default)]
struct Asking {
    probe: Option<Probe>,
    last: Option<(Instant, Answer)>,
}

/// What a server said when it was asked.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Here,
    /// It is there, and has no database of this name.
    NoDatabase,
    Away(String),
}

impl Server {
    pub(crate) fn new(url: DatabaseUrl) -> Self {
        Self { url, asking: Mutex::default() }
    }

    /// Asks the server now.
    pub(crate) async fn answer(&self) -> Answer {
        let mut asking = self.asking.lock().await;
        asking.ask(&self.url).await
    }

    /// Tells a full pool from an absent server: both are a connection that does not come.
    pub(crate) async fn explain(&self, error: DbErr) -> DbErr {
        if !matches!(error, DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))
            || self.url.file().is_some()
        {
            return error;
        }
        let mut asking = self.asking.lock().await;
        let answer = match &asking.last {
            Some((at, answer)) if at.elapsed() < ANSWER_COUNTS => answer.clone(),
            _ => asking.ask(&self.url).await,
        };
        match answer {
            Answer::Here => error,
            Answer::NoDatabase => away("there is no database of this name"),
            Answer::Away(cause) => away(&cause),
        }
    }
}

impl Asking {
    async fn ask(&mut self, url: &DatabaseUrl) -> Answer {
        // What is cancelled or fails in here leaves no probe behind, and the next one is a new one.
        let probe = self.probe.take();
        let answer = match timeout(ANSWER_TIMEOUT, ping(url, probe)).await {
            Ok(Ok(probe)) => {
                self.probe = probe;
                Answer::Here
            }
            Ok(Err(error)) if is_database_missing(&error) => Answer::NoDatabase,
            Ok(Err(error)) => Answer::Away(error.to_string()),
            Err(_late) => Answer::Away("the server does not answer".to_owned()),
        };
        self.last = Some((Instant::now(), answer.clone()));
        answer
    }
}

/// The probe that was answered: the old one, or a new one if that has lost its server meanwhile.
async fn ping(
    url: &DatabaseUrl,
    old: Option<Probe>,
) -> Result<Option<Probe>, sea_orm::sqlx::Error> {
    if let Some(mut probe) = old
        && probe.ping().await.is_ok()
    {
        return Ok(Some(probe));
    }
    Box::pin(Probe::connect(url)).await
}

fn away(cause: &str) -> DbErr {
    DbErr::Conn(RuntimeErr::Internal(cause.to_owned()))
}
