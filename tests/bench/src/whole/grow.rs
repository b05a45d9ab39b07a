//! The whole path over tables that have grown: bookings of the past are laid beside the present ones, as copies of one
//! that was made, with their holds, payments and charges; what was told of them is not, nor who only hears of bookings.
//! They stay for all rounds, and are taken away before the books are looked at.

use std::cell::RefCell;

use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use testkit::eventually;
use tokio::time::Instant;

use super::answered::{Calls, Window};
use super::booking::{CAPACITY, WARM_UP, roomy};
use super::books::{opened, run};
use super::stage::Stage;
use crate::figures::GROWN;
use crate::measurement::Measurement;
use crate::plan::{BOOKINGS_STORED, Plan};
use crate::ratios::{Comparison, alternated};
use crate::report::Found;

const CALLERS: u16 = 256;
/// How the copies' ids begin: no identifier of our own is as old.
const COPIES: &str = "00000000-0000-7000-8000-";
const PAYMENTS: &str = "00000000-0000-7000-9000-";
/// The tables with rows of a booking, parents first: whose database, which table, where the booking's id stands.
const TABLES: [(&str, &str, &str); 7] = [
    ("booking", "booking", "id"),
    ("ticket", "hold", "id"),
    ("ticket", "hold_line", "hold_id"),
    ("ticket", "stock_entry", "hold_id"),
    ("payment", "settlement", "booking_id"),
    ("payment", "payment", "booking_id"),
    ("provider", "charge", "id"),
];

/// Measures pairs.
pub(crate) async fn compare(plan: &Plan) -> Found {
    let (callers, stored) = (plan.callers.unwrap_or(CALLERS), plan.stored);
    let grown = Grown::lay(stored).await;
    let measured = async |is_grown: &bool| {
        if *is_grown { grown.measure(callers, plan).await } else { empty(callers, plan).await }
    };
    let comparison = Comparison {
        name: format!("booking with {stored} stored"),
        callers,
        baseline: "empty",
        ours: "grown",
        pairs: alternated(plan.rounds(), [("empty", &false), ("grown", &true)], measured).await,
    };
    grown.close().await;
    let claim = comparison.claim(GROWN, |measured| measured.per_second);
    let claim = claim.under(format!("{stored} stored, where the design speaks of 10,000,000"));
    let claim = if stored < BOOKINGS_STORED { claim.unjudged("too few bookings") } else { claim };
    Found { comparisons: vec![comparison], claims: vec![claim], ..Found::default() }
}

async fn empty(callers: u16, plan: &Plan) -> Measurement {
    let (mut stage, ticket, booked) = with_one_booking().await;
    stage.leave_alone().await;
    let (mut calls, measured) = book(&stage, &ticket, callers, plan).await;
    calls.extend(booked);
    stage.close(&calls).await;
    measured
}

/// A platform with bookings of the past.
struct Grown {
    stage: Stage,
    ticket: Vec<String>,
    calls: RefCell<Calls>,
}

impl Grown {
    async fn lay(stored: u32) -> Self {
        let (mut stage, ticket, booked) = with_one_booking().await;
        let booking = booked.bookings().next().unwrap_or_default();
        let payment = payment_of(&stage, booking).await;
        for table in TABLES {
            let begun = Instant::now();
            let rows = copy(&stage, table, (booking, &payment), stored).await;
            println!("{} has {rows} rows more, after {:.0?}", table.1, begun.elapsed());
        }
        stage.leave_alone().await;
        Self { stage, ticket, calls: RefCell::new(booked) }
    }

    async fn measure(&self, callers: u16, plan: &Plan) -> Measurement {
        let (calls, measured) = book(&self.stage, &self.ticket, callers, plan).await;
        self.calls.borrow_mut().extend(calls);
        measured
    }

    async fn close(self) {
        for (database, table, key) in TABLES.iter().rev() {
            let database = opened(&self.stage.scene.platform.database_url(database)).await;
            let sql = format!("DELETE FROM {table} WHERE {key} LIKE '{COPIES}%'");
            run(&database, &sql).await;
        }
        self.stage.close(&self.calls.into_inner()).await;
    }
}

/// A platform, its ticket, and a booking that is confirmed and that everybody has heard of.
async fn with_one_booking() -> (Stage, Vec<String>, Calls) {
    let stage = Stage::set(roomy()).await;
    let ticket = stage.register("Hot", CAPACITY).await;
    let (call, _) = stage.buyer(0).wish(&ticket, Instant::now()).await;
    assert!(call.is_confirmed(), "{:?}", call.answer);
    let booked = Calls(vec![call]);
    stage.settled(&booked).await;
    (stage, vec![ticket], booked)
}

async fn book(stage: &Stage, ticket: &[String], callers: u16, plan: &Plan) -> (Calls, Measurement) {
    let window = Window::after(WARM_UP, plan.time());
    let load = stage.crowd(callers, window, ticket, |_, _| 0);
    let (calls, used) = stage.watched(window, load).await;
    let measured = calls.measured(window, &used);
    (calls, measured)
}

/// Copies the rows of a booking, each time with other ids in their texts. A number that the database gives is given
/// anew.
async fn copy(
    stage: &Stage,
    (database, table, key): (&str, &str, &str),
    (booking, payment): (&str, &str),
    count: u32,
) -> u64 {
    let database = opened(&stage.scene.platform.database_url(database)).await;
    let number = "lpad(to_hex(g.n), 12, '0')";
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for (name, is_text) in columns(&database, table).await {
        let other = format!(
            "replace(replace(t.{name}, '{booking}', '{COPIES}' || {number}), '{payment}', '{PAYMENTS}' || {number})"
        );
        values.push(if is_text { other } else { format!("t.{name}") });
        names.push(name);
    }
    let (names, values) = (names.join(", "), values.join(", "));
    let rows = run(
        &database,
        &format!(
            "INSERT INTO {table} ({names}) SELECT {values} FROM {table} t CROSS JOIN generate_series(1, {count}) \
             AS g(n) WHERE t.{key} LIKE '{booking}%'"
        ),
    )
    .await;
    // Else the database would do it while bookings are measured.
    run(&database, &format!("VACUUM ANALYZE {table}")).await;
    rows
}

/// The columns of a table but those that the database numbers, and whether they are text.
async fn columns(database: &DatabaseConnection, table: &str) -> Vec<(String, bool)> {
    let sql = format!(
        "SELECT quote_ident(column_name), data_type IN ('character varying', 'text') FROM information_schema.columns \
         WHERE table_schema = current_schema() AND table_name = '{table}' AND is_identity = 'NO' \
         AND COALESCE(column_default, '') NOT LIKE 'nextval%' ORDER BY ordinal_position"
    );
    let rows = database.query_all_raw(Statement::from_string(database.get_database_backend(), sql));
    let rows = rows.await.unwrap_or_else(|error| panic!("{error}"));
    let column = rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)));
    column.collect::<Result<_, sea_orm::DbErr>>().unwrap_or_else(|error| panic!("{error}"))
}

async fn payment_of(stage: &Stage, booking: &str) -> String {
    let payments = opened(&stage.scene.platform.database_url("payment")).await;
    let sql = format!("SELECT id FROM payment WHERE booking_id = '{booking}'");
    let statement = Statement::from_string(payments.get_database_backend(), sql);
    eventually("the booking's payment", || async {
        let row = payments.query_one_raw(statement.clone()).await;
        let row = row.map_err(|error| error.to_string())?.ok_or("none".to_owned())?;
        row.try_get_by_index(0).map_err(|error| error.to_string())
    })
    .await
}
