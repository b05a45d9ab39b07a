//! The writers' pools themselves, over real servers.

use futures::FutureExt;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement, TransactionTrait};
use servers::{DatabaseServer, fresh_database};

use super::{create, writer};
use crate::given_up::GivenUp;
use crate::url::DatabaseUrl;

/// So many callers go away before they have begun; on a quick machine most begin in time.
const CANCELLED: usize = 40;
const ROUNDS_MAX: usize = 4_000;

#[tokio::test(flavor = "multi_thread")]
async fn f1_a_cancelled_begin_hides_no_later_write_on_postgres() {
    later_writes_are_seen(DatabaseServer::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f1_a_cancelled_begin_hides_no_later_write_on_mariadb() {
    later_writes_are_seen(DatabaseServer::MariaDb).await;
}

/// Callers go away at every point of a BEGIN; what is written next over the same connection is durable.
async fn later_writes_are_seen(server: DatabaseServer) {
    let url: DatabaseUrl = fresh_database(server).parse().unwrap();
    create(&url).await.unwrap();
    let given_up = GivenUp::default();
    let mut one = writer(&url, &given_up);
    one.max_connections(1);
    let pool: DatabaseConnection = Box::pin(Database::connect(one)).await.unwrap();
    let other = Box::pin(Database::connect(writer(&url, &given_up))).await.unwrap();
    other.execute_unprepared("CREATE TABLE written (id BIGINT PRIMARY KEY)").await.unwrap();
    let mut cancelled = 0;
    for round in 0..ROUNDS_MAX {
        if cancelled == CANCELLED {
            return;
        }
        let mut begin = Box::pin(given_up.noting(pool.begin()));
        let mut begun = false;
        for poll in 0..=round % 12 {
            begun = begin.as_mut().now_or_never().is_some();
            if begun {
                break;
            }
            // Some give up at once, others while the server is answering.
            if poll % 3 == round % 3 {
                other.execute_unprepared("SELECT 1").await.unwrap();
            }
            tokio::task::yield_now().await;
        }
        drop(begin);
        cancelled += usize::from(!begun);
        let write = format!("INSERT INTO written VALUES ({round})");
        assert_eq!(pool.execute_unprepared(&write).await.unwrap().rows_affected(), 1);
        let seen = format!("SELECT COUNT(*) FROM written WHERE id = {round}");
        let seen = Statement::from_string(other.get_database_backend(), seen);
        let seen = other.query_one_raw(seen).await.unwrap().unwrap();
        assert_eq!(seen.try_get_by_index::<i64>(0).unwrap(), 1, "round {round}");
    }
    panic!("too few were cancelled to tell: {cancelled}");
}
