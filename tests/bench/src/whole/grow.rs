//! The whole path over tables that have grown: bookings of the past are laid beside the present ones, as copies of one
//! that was made, with their holds and payments; who only hears of bookings is left out. They are taken away before the
//! books are looked at.

use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use testkit::{Plan as Shaped, Shape, eventually};

use super::answered::{Answer, Calls, Window};
use super::booking::{CAPACITY, IN_FLIGHT_MAX, WARM_UP};
use super::books::opened;
use super::stage::Stage;
use crate::figures::GROWN;
use crate::measurement::Measurement;
use crate::plan::Plan;
use crate::ratios::{Comparison, alternated};
use crate::report::Found;

const CALLERS: u16 = 256;
const BOOKINGS: u32 = 1_000_000;
/// In a debug build, which is for trying.
const BOOKINGS_TRIED: u32 = 20_000;
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
    let callers = plan.callers.unwrap_or(CALLERS);
    let many = if cfg!(debug_assertions) { BOOKINGS_TRIED } else { BOOKINGS };
    let measured = async |stored: &u32| measure(*stored, callers, plan).await;
    let comparison = Comparison {
        name: format!("booking with {many} stored"),
        callers,
        baseline: "empty",
        ours: "grown",
        pairs: alternated(plan.rounds(), [("empty", &0), ("grown", &many)], measured).await,
    };
    let claims = vec![comparison.claim(GROWN, |measured| measured.per_second)];
    Found { comparisons: vec![comparison], claims, ..Found::default() }
}

async fn measure(stored: u32, callers: u16, plan: &Plan) -> Measurement {
    let shaped = Shaped::of(Shape::Postgres).with("IN_FLIGHT_MAX", IN_FLIGHT_MAX);
    let mut stage = Stage::set(shaped).await;
    let ticket = stage.tickets("Hot", 1, CAPACITY).await;
    let booking = one_booking(&stage, &ticket).await;
    for table in TABLES.iter().filter(|_| stored > 0) {
        let rows = copy(&stage, *table, &booking, stored).await;
        println!("{} has {rows} rows more", table.1);
    }
    stage.leave_alone().await;
    let window = Window::after(WARM_UP, plan.time());
    let load = stage.crowd(callers, window, &ticket, |_, _| 0);
    let (calls, used) = stage.watched(window, load).await;
    for (database, table, key) in TABLES.iter().rev() {
        let database = opened(&stage.scene.platform.database_url(database)).await;
        let sql = format!("DELETE FROM {table} WHERE {key} LIKE '{COPIES}%'");
        run(&database, &sql).await;
    }
    stage.close(&calls).await;
    calls.measured(window, &used)
}

/// A booking that is confirmed and that everybody has heard of.
async fn one_booking(stage: &Stage, tickets: &[String]) -> String {
    let ticket = tickets.first().map_or("", String::as_str);
    let now = tokio::time::Instant::now();
    let (call, _) = stage.buyer(0).wish(ticket, now).await;
    let Answer::Confirmed { booking, .. } = &call.answer else { panic!("{:?}", call.answer) };
    let booking = booking.clone();
    stage.settled(&Calls(vec![call])).await;
    booking
}

async fn copy(
    stage: &Stage,
    (database, table, key): (&str, &str, &str),
    booking: &str,
    count: u32,
) -> u64 {
    let payment = payment_of(stage, booking).await;
    let database = opened(&stage.scene.platform.database_url(database)).await;
    // A row's text with other ids in it is another row. A number that the database gives is given anew.
    let sequence = "pg_get_serial_sequence('stock_entry', 'seq')";
    let own_number = if table == "stock_entry" {
        format!("|| jsonb_build_object('seq', nextval({sequence}))")
    } else {
        String::new()
    };
    let number = "lpad(to_hex(g.n), 12, '0')";
    let other = format!(
        "replace(replace(to_jsonb(t)::text, '{booking}', '{COPIES}' || {number}), '{payment}', '{PAYMENTS}' || \
         {number})::jsonb {own_number}"
    );
    let rows = run(
        &database,
        &format!(
            "INSERT INTO {table} SELECT r.* FROM {table} t CROSS JOIN generate_series(1, {count}) AS g(n) CROSS JOIN \
             LATERAL jsonb_populate_record(NULL::{table}, {other}) AS r WHERE t.{key} LIKE '{booking}%'"
        ),
    )
    .await;
    run(&database, &format!("ANALYZE {table}")).await;
    rows
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

async fn run(database: &DatabaseConnection, sql: &str) -> u64 {
    let done = database.execute_unprepared(sql).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}")).rows_affected()
}
