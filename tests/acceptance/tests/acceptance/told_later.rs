//! A provider that takes charges and tells of their results later, by a message (row P02): bookings wait for it, move on
//! by themselves, and move on once.

use futures::future::join_all;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::json;
use testkit::{Platform, eventually};

use crate::world::{book, register, until_status};

const PENDING: &str = "BOOKING_STATUS_PENDING";
const CONFIRMED: &str = "BOOKING_STATUS_CONFIRMED";
const AWAITING: &str = "BOOKING_STATUS_AWAITING_PAYMENT";

/// How many of the provider's messages had an effect.
async fn messages_taken(platform: &Platform) -> i64 {
    let database = sea_orm::Database::connect(platform.database_url("payment")).await.unwrap();
    let marks = "SELECT COUNT(*) FROM inbox WHERE consumer = 'payment.simulated'";
    let statement = Statement::from_string(database.get_database_backend(), marks);
    let row = database.query_one_raw(statement).await.unwrap().unwrap();
    database.close().await.unwrap();
    row.try_get_by_index(0).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn p02_a_booking_waits_for_the_result_and_moves_on_by_itself_once() {
    // What names no means of payment has its result when the first question of the sweep is over and before the second.
    let settings = [
        ("PAYMENT_ASYNC", "on"),
        ("PAYMENT_PROCESSING_MIN_MS", "1500"),
        ("PAYMENT_PROCESSING_MAX_MS", "1500"),
    ];
    let platform = Platform::start_with(&settings).await;
    let ticket = register(&platform, "Later", 100).await;
    let outcomes = [
        ("", CONFIRMED),
        ("ok", CONFIRMED),
        ("told_twice", CONFIRMED),
        ("never_told", CONFIRMED),
        ("lost_reply", CONFIRMED),
        ("slow", CONFIRMED),
        ("declined", AWAITING),
        ("hang", AWAITING),
    ];
    let ends = outcomes.map(async |(method, last)| {
        let buyer = format!("buyer-{method}");
        let answer = book(&platform, &buyer, &ticket, 1, method).await;
        assert_eq!(answer.status, 201, "{method}: {}", answer.json);
        let first = answer.text("status");
        // A result that is there at once may be there before the answer is.
        let is_there = first == last && !method.is_empty();
        assert!(first == PENDING || is_there, "{method}: {}", answer.json);
        let booking = answer.text("bookingId").to_owned();
        until_status(&platform, &buyer, &booking, last).await;
        (buyer, booking)
    });
    let booked = join_all(ends).await;

    // Who was declined pays again, and waits again.
    let (buyer, booking) = &booked[6];
    let again = platform.http.post(format!("/v1/bookings/{booking}:pay"));
    let again = again.token(&platform.buyer(buyer)).json(json!({"paymentMethod": ""}));
    let again = again.send().await.unwrap();
    assert_eq!(again.text("status"), PENDING, "{}", again.json);
    until_status(&platform, buyer, booking, CONFIRMED).await;
    eventually("a message is taken", || async {
        if messages_taken(&platform).await > 0 { Ok(()) } else { Err("the sweep was always first") }
    })
    .await;
    platform.audit_is_clean().await;
}
