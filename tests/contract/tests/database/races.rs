//! Transactions that overlap: what one holds open neither hides messages nor holds up others.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::{join, join_all};
use kernel::{Committed, StoreError};
use sea_orm_database::{Database, Marks, TxError, write_marks};
use testkit::eventually;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use crate::relay::{send, start};
use crate::support::{
    Engine, Recorder, cause, commit, execute, in_time, marks_of, message, number, scene,
};

over_every_server!(
    f12_a_message_that_commits_late_is_published_though_later_ones_were,
    f13_looking_for_unpublished_messages_blocks_no_producer,
    f15_of_two_that_wait_for_one_key_one_is_done_and_one_late,
);

/// Longer than a commit needs, shorter than any wait for a lock.
const SOON: Duration = Duration::from_millis(900);

/// A transaction that stays open after its statements until the test lets it go.
struct Held {
    reached: watch::Receiver<bool>,
    go: watch::Sender<bool>,
    task: JoinHandle<Result<Committed, StoreError>>,
}

#[derive(Clone)]
enum Holding {
    Marks(Marks),
    Sql(&'static str),
}

/// Ends with `ending`, or with a commit where there is none.
fn hold(db: &Database, holding: Holding, ending: Option<Committed>) -> Held {
    let (reaches, reached) = watch::channel(false);
    let (go, goes) = watch::channel(false);
    let (db, reaches) = (db.clone(), Arc::new(reaches));
    let task = TaskTracker::new().spawn(async move {
        let work = db.commit("staying open", move |tx| {
            let (holding, reaches, mut goes) = (holding.clone(), reaches.clone(), goes.clone());
            Box::pin(async move {
                match holding {
                    Holding::Marks(marks) => write_marks(tx, marks).await?,
                    Holding::Sql(sql) => drop(execute(tx, sql).await?),
                }
                reaches.send_replace(true);
                goes.wait_for(|go| *go).await.unwrap();
                ending.map_or(Ok(()), |verdict| Err(TxError::Abort(verdict)))
            })
        });
        work.await
    });
    Held { reached, go, task }
}

impl Held {
    async fn reached(&mut self) {
        in_time(self.reached.wait_for(|reached| *reached)).await.unwrap();
    }

    async fn let_go(self) -> Result<Committed, StoreError> {
        self.go.send_replace(true);
        in_time(self.task).await.unwrap()
    }
}

async fn f12_a_message_that_commits_late_is_published_though_later_ones_were(engine: Engine) {
    let scene = scene(engine).await;
    let publisher = Recorder::accepting();
    let running = start(&scene.db, publisher.clone(), "relay");
    for round in 1..=5_usize {
        let [late, soon] = ["late", "soon"].map(|name| format!("{name} {round}"));
        let marks = marks_of(vec![message(&late, 1)]);
        let mut held = hold(&scene.db, Holding::Marks(marks), None);
        held.reached().await;
        send(&scene.db, &soon, 1).await;
        publisher.until(|accepted| accepted.contains(&(soon.clone(), 1))).await;
        assert_eq!(publisher.accepted().len(), 2 * round - 1);
        assert_eq!(held.let_go().await, Ok(Committed::Done));
        publisher.until(|accepted| accepted.contains(&(late.clone(), 1))).await;
    }
    running.stop().await;
    let overtaken = "SELECT COUNT(*) FROM outbox late JOIN outbox soon ON late.seq < soon.seq
        WHERE late.aggregate_id LIKE 'late%'
        AND soon.aggregate_id = REPLACE(late.aggregate_id, 'late', 'soon')";
    assert_eq!(
        number(scene.db.reader(), overtaken).await,
        Ok(5),
        "the late ones had lower numbers"
    );
}

/// With an empty outbox and with one that is full and does not drain.
async fn f13_looking_for_unpublished_messages_blocks_no_producer(engine: Engine) {
    let scene = scene(engine).await;
    let publisher = Recorder::deciding(|_| Box::pin(std::future::pending()));
    let running = start(&scene.db, publisher, "relay");
    for pending in [0, 1] {
        let look = "SELECT seq FROM outbox WHERE published_at_us IS NULL ORDER BY seq LIMIT 500
            FOR UPDATE SKIP LOCKED";
        // Worse than what the relay does, and what it does is going on as well.
        let mut held = hold(&scene.db, Holding::Sql(look), None);
        held.reached().await;
        let producers = (0..4).map(async |producer| {
            for version in 1..=10 {
                let begun = Instant::now();
                send(&scene.db, &format!("{pending} {producer}"), version).await;
                assert!(begun.elapsed() < SOON, "waited {:?}", begun.elapsed());
            }
        });
        join_all(producers).await;
        assert_eq!(held.let_go().await, Ok(Committed::Done));
    }
    running.stop().await;
    if engine == Engine::MariaDb {
        let writers = scene.db.write("asking", |tx| {
            Box::pin(async move {
                let level = "SELECT @@tx_isolation = 'READ-COMMITTED'";
                Ok(number(tx, level).await?)
            })
        });
        assert_eq!(writers.await, Ok(1));
    }
}

async fn f15_of_two_that_wait_for_one_key_one_is_done_and_one_late(engine: Engine) {
    let scene = scene(engine).await;
    let db = &scene.db;
    for round in 1..=5 {
        let one_key = cause(message("foreign", round).id);
        let marks = |name: &str| Marks {
            caused_by: one_key.clone(),
            ..marks_of(vec![message(name, round)])
        };
        let mut held = hold(db, Holding::Marks(marks("held")), Some(Committed::Stale));
        held.reached().await;
        let waiters = join(commit(db, marks("first")), commit(db, marks("second")));
        let rollback = async {
            both_wait(db, engine).await;
            assert_eq!(held.let_go().await, Ok(Committed::Stale));
        };
        let ((first, second), ()) = join(waiters, rollback).await;
        let mut verdicts = [first.unwrap(), second.unwrap()];
        verdicts.sort_by_key(|verdict| *verdict != Committed::Done);
        assert_eq!(verdicts, [Committed::Done, Committed::AlreadyHandled]);
    }
    assert_eq!(number(db.reader(), "SELECT COUNT(*) FROM outbox").await, Ok(5));
}

async fn both_wait(db: &Database, engine: Engine) {
    let waiting = match engine {
        Engine::MariaDb => {
            // Not INNODB_TRX: it shows nothing new to whoever asks more often than every tenth of a second.
            "SELECT COUNT(*) FROM information_schema.PROCESSLIST
                WHERE DB = DATABASE() AND ID <> CONNECTION_ID() AND INFO LIKE 'INSERT INTO `inbox`%'"
        }
        Engine::Sqlite | Engine::Postgres => {
            "SELECT COUNT(*) FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'"
        }
    };
    eventually("two that wait", async || match number(db.reader(), waiting).await.unwrap() {
        2 => Ok(()),
        fewer => Err(fewer),
    })
    .await;
}
