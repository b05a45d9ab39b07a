//! The scene: a database with one table of counters, messages, and a publisher that obeys the test.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;
use kernel::{
    Cause, Committed, Envelope, EventId, PublishError, Publisher, StoreError, Timestamp, Uuid,
};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, Statement};
use sea_orm_database::{Database, DatabaseUrl, Marks, Schema, TxError, write_marks};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};
use tempfile::TempDir;
use testkit::{DatabaseServer, fresh_database};
use tokio::sync::watch;

const PATIENCE: Duration = Duration::from_secs(60);

/// Whose database a scene is set up in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
    MariaDb,
}

/// A database of its own: in a folder, which is removed at the end, or on a running server.
pub(crate) struct Scene {
    pub(crate) db: Database,
    pub(crate) url: DatabaseUrl,
    pub(crate) folder: TempDir,
}

impl Scene {
    /// The same database for another process.
    pub(crate) async fn open_again(&self) -> Database {
        open(&self.url).await
    }
}

pub(crate) async fn scene(engine: Engine) -> Scene {
    let folder = TempDir::new().unwrap();
    let url = fresh(engine, folder.path());
    Scene { db: open(&url).await, url, folder }
}

/// A database that is not there yet.
pub(crate) fn fresh(engine: Engine, folder: &Path) -> DatabaseUrl {
    match engine {
        Engine::Sqlite => DatabaseUrl::Sqlite(folder.join("scene.db")),
        Engine::Postgres => fresh_database(DatabaseServer::Postgres).parse().unwrap(),
        Engine::MariaDb => fresh_database(DatabaseServer::MariaDb).parse().unwrap(),
    }
}

/// A server and the name of a database that [`fresh`] gave.
pub(crate) fn place(engine: Engine, url: &DatabaseUrl) -> (String, String) {
    let servers = servers::addresses().unwrap();
    let server = match engine {
        Engine::Sqlite => panic!("{url} has no server"),
        Engine::Postgres => servers.postgres,
        Engine::MariaDb => servers.mariadb,
    };
    (server, url.to_string().rsplit('/').next().unwrap().to_owned())
}

/// Opened, and migrated if it was not yet.
pub(crate) async fn open(url: &DatabaseUrl) -> Database {
    let db = Database::open(url, Schema::Migrate, vec![Box::new(Counters)]).await.unwrap();
    db.check().await.unwrap();
    db
}

pub(crate) async fn open_file(folder: &Path) -> Database {
    open(&fresh(Engine::Sqlite, folder)).await
}

pub(crate) struct Counters;

impl MigrationName for Counters {
    fn name(&self) -> &'static str {
        "scene_counters"
    }
}

#[async_trait]
impl MigrationTrait for Counters {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = "CREATE TABLE IF NOT EXISTS counter (id VARCHAR(36) PRIMARY KEY, amount BIGINT NOT NULL)";
        manager.get_connection().execute_unprepared(table).await.map(drop)
    }
}

pub(crate) async fn execute(tx: &DatabaseTransaction, sql: &str) -> Result<u64, TxError> {
    Ok(tx.execute_unprepared(sql).await?.rows_affected())
}

/// Changes rows behind the back of those whose they are.
pub(crate) async fn tamper(db: &Database, sql: &'static str) {
    db.write("tampering", move |tx| Box::pin(execute(tx, sql))).await.unwrap();
}

/// The only number a query gives.
pub(crate) async fn number(conn: &impl ConnectionTrait, sql: &str) -> Result<i64, DbErr> {
    let row = conn.query_one_raw(Statement::from_string(conn.get_database_backend(), sql)).await?;
    row.unwrap().try_get_by_index(0)
}

pub(crate) async fn rows(db: &Database, table: &str) -> i64 {
    number(db.reader(), &format!("SELECT COUNT(*) FROM {table}")).await.unwrap()
}

/// Message `version` of an aggregate, with a fresh id.
pub(crate) fn message(aggregate_id: &str, version: i64) -> Envelope {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let number = u128::from(NUMBER.fetch_add(1, Ordering::Relaxed));
    Envelope {
        id: EventId::new(Uuid::from_u128(number)),
        event_type: "boxoffice.scene.v1.Happened".to_owned(),
        source: "scene".to_owned(),
        occurred_at: Timestamp::from_micros(1_800_000_000_000_000),
        aggregate_type: "counter".to_owned(),
        aggregate_id: aggregate_id.to_owned(),
        aggregate_version: version,
        correlation_id: aggregate_id.to_owned(),
        causation_id: Some("command".to_owned()),
        traceparent: None,
        payload: vec![0, 1, 255],
    }
}

pub(crate) fn marks_of(messages: Vec<Envelope>) -> Marks {
    Marks { messages, ..Marks::default() }
}

pub(crate) fn cause(event_id: EventId) -> Option<Cause> {
    Some(Cause { consumer: "scene", event_id })
}

/// A commit of nothing but marks.
pub(crate) async fn commit(db: &Database, marks: Marks) -> Result<Committed, StoreError> {
    let work = db.commit("committing marks", move |tx| write(tx, marks.clone()));
    work.await
}

fn write(tx: &DatabaseTransaction, marks: Marks) -> BoxFuture<'_, Result<(), TxError>> {
    Box::pin(write_marks(tx, marks))
}

/// What a test waits for, or the test's failure when it does not come.
pub(crate) async fn in_time<T>(awaited: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, awaited).await.unwrap()
}

/// One call of a publisher: aggregate and version.
pub(crate) type Call = (String, i64);

type Verdict = dyn Fn(&Envelope) -> BoxFuture<'static, Result<(), PublishError>> + Send + Sync;

/// A publisher that writes down what it accepts, after a verdict of the test.
pub(crate) struct Recorder {
    accepted: Mutex<Vec<Call>>,
    count: watch::Sender<usize>,
    verdict: Box<Verdict>,
}

impl Recorder {
    pub(crate) fn accepting() -> Arc<Self> {
        Self::deciding(|_| Box::pin(async { Ok(()) }))
    }

    pub(crate) fn deciding(
        verdict: impl Fn(&Envelope) -> BoxFuture<'static, Result<(), PublishError>>
        + Send
        + Sync
        + 'static,
    ) -> Arc<Self> {
        let (count, _) = watch::channel(0);
        Arc::new(Self { accepted: Mutex::default(), count, verdict: Box::new(verdict) })
    }

    pub(crate) fn accepted(&self) -> Vec<Call> {
        self.accepted.lock().unwrap().clone()
    }

    /// Waits until the condition holds for what was accepted.
    pub(crate) async fn until(&self, condition: impl Fn(&[Call]) -> bool) -> Vec<Call> {
        let mut count = self.count.subscribe();
        let met = count.wait_for(|_| condition(&self.accepted()));
        let met = tokio::time::timeout(PATIENCE, met).await.map(|met| met.map(drop));
        assert!(
            matches!(met, Ok(Ok(()))),
            "waited in vain; accepted so far: {:?}",
            self.accepted()
        );
        self.accepted()
    }
}

#[async_trait]
impl Publisher for Recorder {
    async fn publish_again(&self, message: &Envelope) -> Result<(), PublishError> {
        self.publish(message).await
    }

    async fn publish(&self, message: &Envelope) -> Result<(), PublishError> {
        let verdict = (self.verdict)(message).await;
        if verdict.is_ok() {
            let call = (message.aggregate_id.clone(), message.aggregate_version);
            self.accepted.lock().unwrap().push(call);
            self.count.send_modify(|count| *count += 1);
        }
        verdict
    }
}
