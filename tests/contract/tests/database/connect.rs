//! A database comes up, is found right or wrong, and is brought up to date by one migrator at a time.

use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use kernel::{Committed, StoreError};
use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_database::{Database, DatabaseUrl, MigrationTrait, Schema};
use sea_orm_migration::{MigrationName, SchemaManager};
use tempfile::TempDir;

use crate::support::{
    Counters, Engine, commit, fresh, in_time, marks_of, message, number, place, rows, scene,
};

over_every_engine!(
    ten_migrators_at_once_are_one,
    a_newer_schema_is_right,
    a_migrator_that_was_killed_midway_is_run_again,
    text_compares_byte_by_byte,
    a_message_may_be_as_large_as_the_bus_takes,
);

async fn open(
    url: &DatabaseUrl,
    schema: Schema,
    migrations: Vec<Box<dyn MigrationTrait>>,
) -> Database {
    Database::open(url, schema, migrations).await.unwrap()
}

fn counters() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(Counters)]
}

fn cause(error: Result<impl Sized, StoreError>) -> String {
    match error.err() {
        Some(StoreError::Unavailable { cause, .. }) => cause,
        other => panic!("{other:?}"),
    }
}

async fn ten_migrators_at_once_are_one(engine: Engine) {
    let folder = TempDir::new().unwrap();
    let url = fresh(engine, folder.path());
    let racers = (0..10).map(async |_| {
        let db = open(&url, Schema::Migrate, counters()).await;
        db.check().await.unwrap();
        assert_eq!(db.migrate().await, Ok(0));
        assert_eq!(rows(&db, "seaql_migrations").await, 7);
        db.close().await;
    });
    join_all(racers).await;
}

#[tokio::test]
async fn a_servers_database_is_waited_for_until_somebody_has_migrated_it() {
    for engine in [Engine::Postgres, Engine::MariaDb] {
        let folder = TempDir::new().unwrap();
        let url = fresh(engine, folder.path());
        let db = open(&url, Schema::Expect, counters()).await;
        let missing = cause(db.check().await);
        assert!(missing.contains("no such database") && missing.contains("migrate"), "{missing}");
        assert!(cause(commit(&db, marks_of(vec![message("a", 1)])).await).contains("not checked"));
        let older = open(&url, Schema::Expect, vec![]).await;
        assert_eq!(older.migrate().await, Ok(6));
        let missing = cause(db.check().await);
        assert!(missing.contains("scene_counters") && missing.contains("migrate"), "{missing}");
        assert_eq!(open(&url, Schema::Expect, counters()).await.migrate().await, Ok(1));
        assert_eq!(db.check().await, Ok(()));
        assert_eq!(commit(&db, marks_of(vec![message("a", 1)])).await, Ok(Committed::Done));
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_unavailable_and_said_so_soon() {
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = nobody.local_addr().unwrap().port();
    for scheme in ["postgres", "mysql"] {
        for port in [1, silent] {
            let url = format!("{scheme}://box@127.0.0.1:{port}/scene").parse().unwrap();
            let db = open(&url, Schema::Migrate, counters()).await;
            let begun = std::time::Instant::now();
            assert!(db.check().await.is_err());
            assert!(begun.elapsed() < Duration::from_secs(2), "{scheme} {port}");
            let read = number(db.reader(), "SELECT 1").await;
            assert!(matches!(read, Err(DbErr::Conn(_))), "absent, not overloaded: {read:?}");
        }
    }
}

struct Added;

impl MigrationName for Added {
    fn name(&self) -> &'static str {
        "scene_of_a_newer_version"
    }
}

#[async_trait]
impl MigrationTrait for Added {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let more = "CREATE TABLE more (id BIGINT PRIMARY KEY)";
        manager.get_connection().execute_unprepared(more).await.map(drop)
    }
}

async fn a_newer_schema_is_right(engine: Engine) {
    let folder = TempDir::new().unwrap();
    let url = fresh(engine, folder.path());
    let newer: Vec<Box<dyn MigrationTrait>> = vec![Box::new(Counters), Box::new(Added)];
    open(&url, Schema::Migrate, newer).await.check().await.unwrap();
    for schema in [Schema::Expect, Schema::Migrate] {
        let db = open(&url, schema, counters()).await;
        assert_eq!(db.check().await, Ok(()));
        assert_eq!(db.migrate().await, Ok(0));
        assert_eq!(rows(&db, "seaql_migrations").await, 8);
    }
}

/// What MySQL keeps of a migrator's work that did not come to its end.
async fn a_migrator_that_was_killed_midway_is_run_again(engine: Engine) {
    let scene = scene(engine).await;
    let forget = scene.db.write("forgetting", |tx| {
        Box::pin(crate::support::execute(tx, "DELETE FROM seaql_migrations"))
    });
    assert_eq!(forget.await, Ok(7));
    let forgotten = open(&scene.url, Schema::Expect, counters());
    if engine == Engine::MariaDb {
        assert_eq!(forgotten.await.migrate().await, Ok(7));
        assert_eq!(scene.db.check().await, Ok(()));
    }
}

async fn text_compares_byte_by_byte(engine: Engine) {
    let scene = scene(engine).await;
    let spellings = ["a", "A", "á", "a ", "ａ"];
    for id in spellings {
        let insert = format!("INSERT INTO counter VALUES ('{id}', 1)");
        let inserted = scene.db.write("inserting", move |tx| {
            let insert = insert.clone();
            Box::pin(async move { crate::support::execute(tx, &insert).await })
        });
        assert_eq!(inserted.await, Ok(1), "{id:?}");
    }
    for id in spellings {
        let same = format!("SELECT COUNT(*) FROM counter WHERE id = '{id}'");
        assert_eq!(number(scene.db.reader(), &same).await, Ok(1), "{id:?}");
    }
    let after = "SELECT COUNT(*) FROM counter WHERE id > 'Z'";
    assert_eq!(number(scene.db.reader(), after).await, Ok(4), "capitals come first");
}

/// Under most collations of MySQL's two buyers could be one.
#[tokio::test]
async fn a_database_that_compares_text_by_letters_is_refused() {
    let folder = TempDir::new().unwrap();
    let url = fresh(Engine::MariaDb, folder.path());
    let (server, name) = place(Engine::MariaDb, &url);
    let admin = sea_orm::Database::connect(format!("{server}/mysql")).await.unwrap();
    let by_hand = format!("CREATE DATABASE {name} COLLATE utf8mb4_general_ci");
    admin.execute_unprepared(&by_hand).await.unwrap();
    for schema in [Schema::Migrate, Schema::Expect] {
        let db = open(&url, schema, counters()).await;
        for refused in [cause(db.check().await), cause(db.migrate().await)] {
            let says = ["utf8mb4_general_ci", "ALTER DATABASE", &name];
            assert!(says.iter().all(|part| refused.contains(part)), "{refused}");
        }
    }
    let mend = format!("ALTER DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");
    admin.execute_unprepared(&mend).await.unwrap();
    let db = open(&url, Schema::Migrate, counters()).await;
    assert_eq!(db.check().await, Ok(()), "what it says helps");
    // One table made by hand is enough to be refused by who starts next.
    let table = format!(
        "CREATE TABLE {name}.by_hand (id TEXT COLLATE utf8mb4_general_ci) COLLATE utf8mb4_general_ci"
    );
    admin.execute_unprepared(&table).await.unwrap();
    let db = open(&url, Schema::Expect, counters()).await;
    assert!(cause(db.check().await).contains("utf8mb4_general_ci"));
}

async fn a_message_may_be_as_large_as_the_bus_takes(engine: Engine) {
    let scene = scene(engine).await;
    let mut large = message("a", 1);
    large.payload = vec![7; 256 * 1024];
    assert_eq!(in_time(commit(&scene.db, marks_of(vec![large]))).await, Ok(Committed::Done));
    let stored = number(scene.db.reader(), "SELECT LENGTH(payload) FROM outbox").await;
    // PostgreSQL's LENGTH is an INT.
    assert!(stored.is_err() || stored == Ok(256 * 1024), "{stored:?}");
}
