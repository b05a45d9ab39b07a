//! The books after a run: the audit, and every booking that was told of looked for in the databases.

use std::collections::HashSet;
use std::time::Duration;

use futures::future::join_all;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use serde_json::Value;
use testkit::{Platform, PlatformServer, eventually_within};

use super::answered::Calls;
use super::stage::Stage;
use crate::measurement::as_number;

/// After a run's load its events take their time.
const CLEAN_WITHIN: Duration = Duration::from_secs(600);
const AT_REST_WITHIN: Duration = Duration::from_secs(120);
/// What only says that events wait for the bus, or their hearers behind it.
const WAITING: [&str; 4] = ["E1", "E3", "I8", "I8b"];
/// Who leaves messages for the bus while bookings are made.
const TELLERS: [&str; 3] = ["ticket", "booking", "payment"];

impl Stage {
    /// Ends the platform once its books are right: the audit is clean, each booking that was told to be confirmed is
    /// there, and as many units are sold as bookings are confirmed, and held as are to be paid. Gives how many that are.
    ///
    /// A platform that was left alone has events waiting, which the audit tells and which are no fault here.
    pub(crate) async fn close(self, calls: &Calls) -> usize {
        let confirmed = self.settled(calls).await;
        self.end().await;
        confirmed
    }

    /// Ends the platform, politely.
    pub(crate) async fn end(mut self) {
        // Those that were left out have ended before.
        let running = self
            .scene
            .platform
            .servers()
            .iter_mut()
            .filter_map(|server| server.is_running().then_some(server));
        join_all(running.map(PlatformServer::terminate)).await;
    }

    /// The messages that each context has ever left for the bus, and still knows.
    pub(crate) async fn messages(&self) -> Vec<(&'static str, f64)> {
        let mut messages = Vec::new();
        for context in TELLERS {
            let sql = "SELECT COUNT(*) FROM outbox";
            messages.push((context, counted(&self.scene.platform, context, sql).await));
        }
        messages
    }

    /// Waits until its books are right, and lets it go on.
    pub(crate) async fn settled(&self, calls: &Calls) -> usize {
        let platform = &self.scene.platform;
        if self.alone {
            eventually_within(CLEAN_WITHIN, "a clean audit", || clean_but_waiting(platform)).await;
        } else {
            platform.audit_is_clean_within(CLEAN_WITHIN).await;
        }
        // What a caller gave up waiting for is confirmed, and what is held for it sold, a moment later.
        eventually_within(AT_REST_WITHIN, "as many sold as confirmed", || async {
            let (held, sold) = stock(platform).await;
            // Who is to pay later keeps what is held meanwhile.
            let wanted = (awaiting(platform).await, confirmed(platform).await.len());
            if (held, sold) == wanted {
                Ok(())
            } else {
                Err(format!("{held} held, {sold} sold of {wanted:?}"))
            }
        })
        .await;
        let confirmed = confirmed(platform).await;
        let lost: Vec<_> = calls.bookings().filter(|id| !confirmed.contains(*id)).collect();
        assert!(lost.is_empty(), "told to be confirmed, and are not: {lost:?}");
        confirmed.len()
    }
}

async fn clean_but_waiting(platform: &Platform) -> Result<(), String> {
    let (code, said) = platform.command(&["audit", "--json", "--grace-secs", "1"]).await;
    // Its log comes after its answer.
    let line = said.lines().next().unwrap_or_default();
    let told: Value = serde_json::from_str(line).map_err(|_| format!("exit {code}\n{said}"))?;
    let violations = told.get("violations").and_then(Value::as_array);
    let violations = violations.ok_or_else(|| said.clone())?;
    let check =
        |violation: &&Value| violation.get("check").and_then(Value::as_str).map(str::to_owned);
    let wrong = violations.iter().filter(|violation| {
        check(violation).is_none_or(|check| !WAITING.contains(&check.as_str()))
    });
    let wrong: Vec<_> = wrong.map(Value::to_string).collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

async fn confirmed(platform: &Platform) -> HashSet<String> {
    let booking = opened(&platform.database_url("booking")).await;
    let sql = "SELECT id FROM booking WHERE status = 'CONFIRMED'";
    let rows = booking.query_all_raw(Statement::from_string(booking.get_database_backend(), sql));
    let rows = rows.await.unwrap_or_else(|error| panic!("{error}"));
    let ids = rows.iter().map(|row| row.try_get_by_index(0));
    ids.map(|id| id.unwrap_or_else(|error| panic!("{error}"))).collect()
}

async fn awaiting(platform: &Platform) -> usize {
    let booking = opened(&platform.database_url("booking")).await;
    let sql = "SELECT id FROM booking WHERE status = 'AWAITING_PAYMENT'";
    let rows = booking.query_all_raw(Statement::from_string(booking.get_database_backend(), sql));
    rows.await.unwrap_or_else(|error| panic!("{error}")).len()
}

/// Units held and units sold of all tickets.
async fn stock(platform: &Platform) -> (usize, usize) {
    let ticket = opened(&platform.database_url("ticket")).await;
    let sql = "SELECT held, sold FROM stock";
    let rows = ticket.query_all_raw(Statement::from_string(ticket.get_database_backend(), sql));
    let rows = rows.await.unwrap_or_else(|error| panic!("{error}"));
    rows.iter().fold((0, 0), |(held, sold), row| {
        let units = |at| {
            let units: i64 = row.try_get_by_index(at).unwrap_or_else(|error| panic!("{error}"));
            usize::try_from(units).unwrap_or_else(|error| panic!("{units} units: {error}"))
        };
        (held + units(0), sold + units(1))
    })
}

/// What a query of a context's database counts.
pub(crate) async fn counted(platform: &Platform, context: &str, sql: &str) -> f64 {
    let database = opened(&platform.database_url(context)).await;
    let row = database.query_one_raw(Statement::from_string(database.get_database_backend(), sql));
    let row = row.await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let count = row.map(|row| row.try_get_by_index::<i64>(0));
    let count = count.unwrap_or(Ok(0)).unwrap_or_else(|error| panic!("{sql}: {error}"));
    as_number(usize::try_from(count).unwrap_or_default())
}

/// A database of the platform, beside its server.
pub(crate) async fn opened(url: &str) -> DatabaseConnection {
    let opened = Box::pin(sea_orm::Database::connect(url)).await;
    opened.unwrap_or_else(|error| panic!("{url}: {error}"))
}

/// Runs a statement and gives how many rows it changed.
pub(crate) async fn run(database: &DatabaseConnection, sql: &str) -> u64 {
    let done = database.execute_unprepared(sql).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}")).rows_affected()
}
