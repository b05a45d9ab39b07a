//! What every context's store builds on, over every engine: the unit of work and its marks, leases,
//! retention, and the relay.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that cannot set up its scene has failed, and one by chance says its seed"
)]

/// Makes each scene a test of every engine.
macro_rules! over_every_engine {
    ($($test:ident),+ $(,)?) => {
        mod over_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() { super::$test(crate::support::Engine::Sqlite).await; })+
        }
        mod over_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() { super::$test(crate::support::Engine::Postgres).await; })+
        }
        mod over_mariadb {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() { super::$test(crate::support::Engine::MariaDb).await; })+
        }
    };
}

/// As `over_every_engine`, for what one process with its own file cannot meet.
macro_rules! over_every_server {
    ($($test:ident),+ $(,)?) => {
        mod over_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() { super::$test(crate::support::Engine::Postgres).await; })+
        }
        mod over_mariadb {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() { super::$test(crate::support::Engine::MariaDb).await; })+
        }
    };
}

mod connect;
mod dead_letters;
mod group;
mod killed;
mod lease;
mod lost_replies;
mod marks;
mod measured;
mod parked;
mod proxy;
mod prune;
mod races;
mod relay;
mod server_killed;
mod support;
mod unit_of_work;
