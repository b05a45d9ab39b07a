//! One closure, one transaction: all or nothing, never half-way, run again when the engine asks for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use kernel::{Committed, ReplyChange, ReplyKey, StoreError};
use sea_orm::{ConnectOptions, ConnectionTrait};
use sea_orm_database::{
    Database, DatabaseUrl, Marks, Schema, TxError, database_now, find_reply, write_marks,
};
use tokio_util::task::TaskTracker;

use crate::support::{Engine, cause, commit, execute, marks_of, message, number, rows, scene};

over_every_engine!(
    r17_a_failed_closure_leaves_nothing,
    an_abort_in_a_write_is_an_error_that_says_what_was_done,
    f14_of_ten_racers_for_the_last_one_wins,
    f1_dropped_callers_lose_nothing_and_poison_nothing,
    a_statement_that_fails_for_good_is_not_run_again,
    readers_cannot_write,
    commits_are_heard_and_none_is_missed,
    r43_the_database_tells_the_time,
);

fn all_marks() -> (Marks, ReplyKey) {
    let key = ReplyKey { scope: "s".into(), key: "k".into(), fingerprint: vec![1] };
    let sent = message("a", 1);
    let marks = Marks {
        caused_by: cause(sent.id),
        reply: ReplyChange::Record { key: key.clone(), body: vec![9] },
        messages: vec![sent],
        ..Marks::default()
    };
    (marks, key)
}

async fn r17_a_failed_closure_leaves_nothing(engine: Engine) {
    let scene = scene(engine).await;
    let (marks, key) = all_marks();
    for failure in 0..3 {
        let marks = marks.clone();
        let ending = scene.db.commit("failing", move |tx| {
            let marks = marks.clone();
            Box::pin(async move {
                execute(tx, "INSERT INTO counter VALUES ('a', 1)").await?;
                write_marks(tx, marks).await?;
                match failure {
                    0 => Err(TxError::Abort(Committed::Stale)),
                    1 => {
                        Err(StoreError::CorruptRow { table: "t", id: "i".into(), column: "c" }
                            .into())
                    }
                    _ => panic!("a closure that panics"),
                }
            })
        });
        match ending.await {
            Ok(verdict) => assert_eq!((failure, verdict), (0, Committed::Stale)),
            Err(StoreError::CorruptRow { .. }) => assert_eq!(failure, 1),
            Err(StoreError::Unavailable { cause, .. }) => {
                assert!(cause.contains("panic"), "{cause}")
            }
            Err(other @ StoreError::Overloaded { .. }) => panic!("{other}"),
        }
        for table in ["counter", "outbox", "inbox", "reply"] {
            assert_eq!(rows(&scene.db, table).await, 0, "{table} after failure {failure}");
        }
    }
    assert_eq!(find_reply(&scene.db, &key).await, Ok(None));
    assert_eq!(commit(&scene.db, marks).await, Ok(Committed::Done));
    for table in ["outbox", "inbox", "reply"] {
        assert_eq!(rows(&scene.db, table).await, 1, "{table}");
    }
}

async fn an_abort_in_a_write_is_an_error_that_says_what_was_done(engine: Engine) {
    let scene = scene(engine).await;
    let ending = scene
        .db
        .write::<()>("writing", |_| Box::pin(async { Err(TxError::Abort(Committed::Stale)) }));
    let error = ending.await.unwrap_err().to_string();
    assert!(error.starts_with("writing: ") && error.contains("Stale"), "{error}");
}

/// Reading first and writing later is what SQLite answers with SQLITE_BUSY unless the transaction
/// took the write lock when it began. Two openings of the file stand for two processes: within one,
/// the single writer connection already keeps transactions apart.
#[tokio::test(flavor = "multi_thread")]
async fn f14_forty_tasks_read_then_write_without_loss() {
    let scene = scene(Engine::Sqlite).await;
    let started = scene
        .db
        .write("starting", |tx| Box::pin(execute(tx, "INSERT INTO counter VALUES ('a', 0)")));
    assert_eq!(started.await, Ok(1));
    let other_process = scene.open_again().await;
    let runs = Arc::new(AtomicUsize::new(0));
    let tasks = TaskTracker::new();
    let adding = (0..40).map(|task| {
        let db = if task % 2 == 0 { scene.db.clone() } else { other_process.clone() };
        let runs = runs.clone();
        tasks.spawn(async move {
            let add = db.write("adding", move |tx| {
                runs.fetch_add(1, Ordering::SeqCst);
                Box::pin(async move {
                    let amount = number(tx, "SELECT amount FROM counter WHERE id = 'a'").await?;
                    tokio::task::yield_now().await;
                    execute(tx, &format!("UPDATE counter SET amount = {}", amount + 1)).await
                })
            });
            add.await
        })
    });
    for ended in join_all(adding).await {
        assert_eq!(ended.unwrap(), Ok(1));
    }
    assert_eq!(runs.load(Ordering::SeqCst), 40, "none was refused as busy");
    assert_eq!(number(scene.db.reader(), "SELECT amount FROM counter").await, Ok(40));
}

/// Servers let two transactions read the same number; only what an update itself demands is safe there.
async fn f14_of_ten_racers_for_the_last_one_wins(engine: Engine) {
    let scene = scene(engine).await;
    let started = scene
        .db
        .write("starting", |tx| Box::pin(execute(tx, "INSERT INTO counter VALUES ('a', 1)")));
    assert_eq!(started.await, Ok(1));
    let take = "UPDATE counter SET amount = amount - 1 WHERE id = 'a' AND amount >= 1";
    let racers = (0..10).map(|_| scene.db.write("taking", |tx| Box::pin(execute(tx, take))));
    let taken = join_all(racers).await.into_iter().map(Result::unwrap);
    assert_eq!(taken.sum::<u64>(), 1);
    assert_eq!(number(scene.db.reader(), "SELECT amount FROM counter").await, Ok(0));
}

/// F1 and F2: callers go away at every point of a transaction; those that stay lose nothing.
async fn f1_dropped_callers_lose_nothing_and_poison_nothing(engine: Engine) {
    let scene = scene(engine).await;
    let begun = Arc::new(AtomicUsize::new(0));
    for round in 0..200_i64 {
        let begun = begun.clone();
        let mut leaving = Box::pin(scene.db.commit("leaving", move |tx| {
            begun.fetch_add(1, Ordering::SeqCst);
            Box::pin(async move {
                tokio::task::yield_now().await;
                execute(tx, &format!("INSERT INTO counter VALUES ('left {round}', 1)")).await?;
                write_marks(tx, marks_of(vec![message("left", round + 1)])).await
            })
        }));
        for _ in 0..=round % 12 {
            if leaving.as_mut().now_or_never().is_some() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(leaving);
        let staying = scene.db.write("staying", move |tx| {
            Box::pin(async move {
                execute(tx, &format!("INSERT INTO counter VALUES ('stayed {round}', 1)")).await
            })
        });
        assert_eq!(staying.await, Ok(1));
        let sql = format!("SELECT COUNT(*) FROM counter WHERE id = 'stayed {round}'");
        assert_eq!(number(scene.db.reader(), &sql).await, Ok(1), "round {round}");
    }
    scene.db.close().await;
    let reopened = scene.open_again().await;
    let left = "SELECT COUNT(*) FROM counter WHERE id LIKE 'left%'";
    let left = number(reopened.reader(), left).await.unwrap();
    assert_eq!(usize::try_from(left).unwrap(), begun.load(Ordering::SeqCst), "begun is committed");
    assert!(left > 0, "nobody left in the middle");
    assert_eq!(rows(&reopened, "outbox").await, left);
}

#[tokio::test]
async fn f15_a_busy_database_is_asked_again() {
    let scene = scene(Engine::Sqlite).await;
    let mut options =
        ConnectOptions::new(format!("sqlite:{}", scene.folder.path().join("scene.db").display()));
    options.map_sqlx_sqlite_opts(|options| options.busy_timeout(Duration::ZERO));
    let rival = sea_orm::Database::connect(options).await.unwrap();
    let runs = Arc::new(AtomicU32::new(0));
    let counted = runs.clone();
    let ending = scene.db.write("meeting a rival", move |tx| {
        let (run, rival) = (counted.fetch_add(1, Ordering::SeqCst) + 1, rival.clone());
        Box::pin(async move {
            execute(tx, "INSERT INTO counter VALUES ('a', 1)").await?;
            if run < 4 {
                // Fails: our own transaction holds the lock.
                rival.execute_unprepared("INSERT INTO counter VALUES ('b', 1)").await?;
            }
            Ok(run)
        })
    });
    assert_eq!(ending.await, Ok(4));
    assert_eq!(rows(&scene.db, "counter").await, 1);
}

async fn a_statement_that_fails_for_good_is_not_run_again(engine: Engine) {
    let scene = scene(engine).await;
    let runs = Arc::new(AtomicU32::new(0));
    let counted = runs.clone();
    let ending = scene.db.write("asking nonsense", move |tx| {
        counted.fetch_add(1, Ordering::SeqCst);
        Box::pin(execute(tx, "INSERT INTO nowhere VALUES (1)"))
    });
    let error = ending.await.unwrap_err().to_string();
    assert!(error.starts_with("asking nonsense: ") && error.contains("nowhere"), "{error}");
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

async fn readers_cannot_write(engine: Engine) {
    let scene = scene(engine).await;
    let written = scene.db.reader().execute_unprepared("INSERT INTO counter VALUES ('a', 1)").await;
    assert!(written.is_err());
}

async fn commits_are_heard_and_none_is_missed(engine: Engine) {
    let scene = scene(engine).await;
    let mut commits = scene.db.committed();
    assert!(commits.notified().now_or_never().is_none());
    for _ in 0..2 {
        assert_eq!(commit(&scene.db, Marks::default()).await, Ok(Committed::Done));
    }
    commits.notified().await;
    assert!(commits.notified().now_or_never().is_none(), "many commits are one wake-up");
    let failed =
        scene.db.commit("failing", |_| Box::pin(async { Err(TxError::Abort(Committed::Stale)) }));
    assert_eq!(failed.await, Ok(Committed::Stale));
    assert!(commits.notified().now_or_never().is_none(), "nothing was committed");
}

async fn r43_the_database_tells_the_time(engine: Engine) {
    let scene = scene(engine).await;
    let first = database_now(scene.db.reader()).await.unwrap();
    let later = database_now(scene.db.reader()).await.unwrap();
    let year_2024 = 1_704_067_200_000_000;
    assert!(first.as_micros() > year_2024 && later >= first, "{first} {later}");
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_named() {
    let scene = scene(Engine::Sqlite).await;
    let missing = scene.folder.path().join("no folder").join("scene.db");
    let url = DatabaseUrl::Sqlite(missing);
    let opened = Database::open(&url, Schema::Migrate, vec![]).await;
    let error = opened.err().unwrap().to_string();
    assert!(error.starts_with("opening the database file: "), "{error}");
    assert!(error.contains("no folder"), "{error}");
}

/// As after a full disk at COMMIT: SQLite rolls back by itself and the driver does not know.
#[tokio::test]
async fn what_is_acknowledged_after_the_engine_rolled_back_by_itself_is_durable() {
    let scene = scene(Engine::Sqlite).await;
    let lost = scene.db.write("rolled back by the engine", |tx| {
        Box::pin(async move {
            execute(tx, "INSERT INTO counter VALUES ('lost', 1)").await?;
            execute(tx, "ROLLBACK").await?;
            Ok(())
        })
    });
    assert!(matches!(lost.await, Err(StoreError::Unavailable { .. })), "nothing is acknowledged");
    let kept = scene.db.write("afterwards", |tx| {
        Box::pin(async move {
            execute(tx, "INSERT INTO counter VALUES ('kept', 1)").await?;
            Ok(())
        })
    });
    assert_eq!(kept.await, Ok(()));
    assert_eq!(rows(&scene.db, "counter").await, 1, "other connections see it, so it is committed");
}
