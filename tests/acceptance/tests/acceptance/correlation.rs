//! Everything a booking caused is found by its key (row N08).

use std::collections::BTreeSet;

use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::sqlx::{AssertSqlSafe, ConnectOptions, Executor, Row};
use serde_json::json;
use testkit::{Platform, Shape};

use crate::world::{book_confirmed, register, told, until, until_status};

#[tokio::test(flavor = "multi_thread")]
async fn n08_events_payments_letters_and_rows_of_a_booking_by_its_id() {
    if Shape::leaves_out(Shape::Embedded, "it reads the files") {
        return;
    }
    let mut platform = Platform::start().await;
    let ticket = register(&platform, "Correlated", 5).await;
    let booking = book_confirmed(&platform, "alice", &ticket, 1).await;
    book_confirmed(&platform, "bob", &ticket, 1).await;
    let alice = platform.buyer("alice");
    let cancel = format!("/v1/bookings/{booking}:cancel");
    platform.http.post(&cancel).token(&alice).json(json!({})).send().await.unwrap();
    until_status(&platform, "alice", &booking, "BOOKING_STATUS_CANCELLED").await;
    let view = format!("/v1/mypage/bookings/{booking}");
    until(&platform.http, &view, &alice, |row| row["status"] == "BOOKING_STATUS_CANCELLED").await;
    let letters = format!("/v1/notifications?bookingId={booking}&pageSize=100");
    until(&platform.http, &letters, &alice, |inbox| told(inbox).contains(&"RefundSucceeded")).await;
    let payments = format!("/v1/payments?bookingId={booking}");
    let payments = platform.http.get(payments).token(&alice).send().await.unwrap();
    assert_eq!(payments.json["payments"].as_array().unwrap().len(), 1);
    platform.audit_is_clean().await;
    assert!(platform.terminate().await.success());

    let mut events = BTreeSet::new();
    for database in ["ticket", "booking", "payment"] {
        let file = platform.data_dir().join(format!("{database}.db"));
        let mut rows = SqliteConnectOptions::new().filename(file).connect().await.unwrap();
        let caused = format!("SELECT event_type FROM outbox WHERE correlation_id = '{booking}'");
        for row in rows.fetch_all(AssertSqlSafe(caused)).await.unwrap() {
            let event: String = row.get(0);
            events.insert(event.rsplit('.').next().unwrap().to_owned());
        }
    }
    let expected = [
        "BookingCancellationRequested",
        "BookingCancelled",
        "BookingConfirmed",
        "BookingPlaced",
        "PaymentApproved",
        "RefundSucceeded",
        "StockReturned",
    ];
    assert_eq!(events, expected.map(str::to_owned).into());
}
