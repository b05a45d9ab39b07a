//! The database server is killed under load and started again: what was acknowledged is there.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future::{join, join_all};
use kernel::Committed;
use sea_orm::{ConnectionTrait, Statement};
use sea_orm_database::Database;
use servers::{Life, Scratch, Server};
use testkit::{eventually, eventually_within};

use crate::support::{commit, marks_of, message, open};

/// A commit ends within it whatever happens to the server.
const BOUND: Duration = Duration::from_secs(10);
const SAID_SOON: Duration = Duration::from_millis(1500);
const BACK_WITHIN: Duration = Duration::from_secs(5);
const COMMITTERS: usize = 6;

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_commits_survive_a_killed_postgres() {
    let scratch = Scratch::fresh("killed-postgres").unwrap();
    survives(servers::postgres(&scratch.path().join("data"), Life::WithStarter).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_commits_survive_a_killed_mariadb() {
    let scratch = Scratch::fresh("killed-mariadb").unwrap();
    survives(servers::mariadb(&scratch.path().join("data"), Life::WithStarter).unwrap()).await;
}

#[derive(Default)]
struct Load {
    acknowledged: Mutex<Vec<String>>,
    longest: Mutex<Duration>,
    failed: AtomicBool,
    end: AtomicBool,
}

impl Load {
    async fn run(&self, db: &Database, committer: usize) {
        for version in 1.. {
            if self.end.load(Ordering::SeqCst) {
                return;
            }
            let message = message(&format!("of {committer}"), version);
            let id = message.id.to_string();
            let begun = Instant::now();
            let ending = commit(db, marks_of(vec![message])).await;
            let mut longest = self.longest.lock().unwrap();
            *longest = longest.max(begun.elapsed());
            match ending {
                Ok(Committed::Done) => self.acknowledged.lock().unwrap().push(id),
                // Found what its first run had done, or was refused: not acknowledged either way.
                Ok(_) => {}
                Err(_) => self.failed.store(true, Ordering::SeqCst),
            }
        }
    }

    fn acknowledged(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }

    async fn until_acknowledged(&self, count: usize) {
        eventually("acknowledged commits", async || match self.acknowledged() {
            fewer if fewer < count => Err(fewer),
            _ => Ok(()),
        })
        .await;
    }
}

async fn survives(mut server: Server) {
    let db = open(&format!("{}/scene", server.url()).parse().unwrap()).await;
    let load = Load::default();
    let committers = join_all((0..COMMITTERS).map(|committer| load.run(&db, committer)));
    let killing = async {
        for round in 1..=2 {
            load.until_acknowledged(load.acknowledged() + 100).await;
            load.failed.store(false, Ordering::SeqCst);
            tokio::task::block_in_place(|| server.kill9()).unwrap();
            let asked = Instant::now();
            assert!(db.check().await.is_err(), "round {round}");
            assert!(asked.elapsed() < SAID_SOON, "said after {:?}", asked.elapsed());
            eventually("a commit that fails", async || {
                load.failed.load(Ordering::SeqCst).then_some(()).ok_or("none")
            })
            .await;
            tokio::task::block_in_place(|| server.restart()).unwrap();
            eventually_within(BACK_WITHIN, "the database", || db.check()).await;
            load.until_acknowledged(load.acknowledged() + 50).await;
        }
        load.end.store(true, Ordering::SeqCst);
    };
    join(committers, killing).await;
    let longest = *load.longest.lock().unwrap();
    assert!(longest < BOUND, "a commit took {longest:?}");
    let stored =
        Statement::from_string(db.reader().get_database_backend(), "SELECT id FROM outbox");
    let stored = db.reader().query_all_raw(stored).await.unwrap();
    let stored: HashSet<String> =
        stored.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
    let acknowledged = load.acknowledged.into_inner().unwrap();
    let lost: Vec<_> = acknowledged.iter().filter(|id| !stored.contains(*id)).collect();
    assert!(lost.is_empty(), "of {} acknowledged {lost:?} are lost", acknowledged.len());
    db.close().await;
}
