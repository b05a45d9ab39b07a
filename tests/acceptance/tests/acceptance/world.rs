//! What the tests say again and again: tickets, bookings, and waiting for what must come.

use boxoffice::http::{HttpAnswer, HttpClient};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use testkit::{Platform, eventually};

/// Changes rows of a database behind the platform's back.
pub(crate) async fn tamper(platform: &Platform, database: &str, sql: &str) {
    let url = platform.database_url(database);
    let freed = "PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF; ";
    let freed = if url.starts_with("sqlite:") { freed } else { "" };
    let connection = sea_orm::Database::connect(&url).await.unwrap();
    let done = connection.execute_unprepared(&format!("{freed}{sql}")).await;
    let done = done.unwrap_or_else(|error| panic!("{database}: {sql}: {error}"));
    assert!(done.rows_affected() > 0, "{database}: nothing to change: {sql}");
    connection.close().await.unwrap();
}

/// Registers an admission ticket of `acme` at 55,000 KRW and gives its id.
pub(crate) async fn register(platform: &Platform, name: &str, capacity: u32) -> String {
    let ticket = json!({
        "kind": "TICKET_KIND_ADMISSION",
        "name": name,
        "category": "concert",
        "venue": "Seoul Arts Center",
        "timeZone": "Asia/Seoul",
        "unitPrice": {"currencyCode": "KRW", "units": "55000"},
        "capacity": capacity.to_string(),
    });
    let token = platform.organizer("acme");
    let answer = platform.http.post("/v1/tickets").token(&token).json(ticket).send().await.unwrap();
    assert_eq!(answer.status, 201, "{}", answer.json);
    answer.text("ticketId").to_owned()
}

/// Books as `buyer` and gives the whole answer.
pub(crate) async fn book(
    platform: &Platform,
    buyer: &str,
    ticket: &str,
    quantity: u32,
    method: &str,
) -> HttpAnswer {
    let wish = json!({"ticketId": ticket, "quantity": quantity, "paymentMethod": method});
    let token = platform.buyer(buyer);
    platform.http.post("/v1/bookings").token(&token).json(wish).send().await.unwrap()
}

/// Books as `buyer`, which must be CONFIRMED, and gives the booking's id.
pub(crate) async fn book_confirmed(
    platform: &Platform,
    buyer: &str,
    ticket: &str,
    quantity: u32,
) -> String {
    let answer = book(platform, buyer, ticket, quantity, "ok").await;
    assert_eq!(answer.text("status"), "BOOKING_STATUS_CONFIRMED", "{}", answer.json);
    answer.text("bookingId").to_owned()
}

/// GETs until the answer is as wanted; fails with the last answer.
pub(crate) async fn until(
    http: &HttpClient,
    path: &str,
    token: &str,
    wanted: impl Fn(&Value) -> bool,
) -> Value {
    eventually(path, || async {
        let answer = http.get(path).token(token).send().await.map_err(|error| error.to_string())?;
        if answer.status.is_success() && wanted(&answer.json) {
            Ok(answer.json)
        } else {
            Err(answer.json.to_string())
        }
    })
    .await
}

/// Waits for a booking's status.
pub(crate) async fn until_status(
    platform: &Platform,
    buyer: &str,
    booking: &str,
    status: &str,
) -> Value {
    let path = format!("/v1/bookings/{booking}");
    until(&platform.http, &path, &platform.buyer(buyer), |row| row["status"] == status).await
}

/// Waits until so many units can be booked.
pub(crate) async fn until_available(platform: &Platform, ticket: &str, units: u32) {
    let path = format!("/v1/tickets/{ticket}/availability");
    let units = units.to_string();
    until(&platform.http, &path, &platform.buyer("anyone"), |row| {
        row["available"] == units.as_str()
    })
    .await;
}

/// The short names of the events a recipient was told of, for one query.
pub(crate) fn told(inbox: &Value) -> Vec<&str> {
    let rows = inbox["notifications"].as_array().expect("a list");
    rows.iter().map(|row| row["eventType"].as_str().expect("text")).collect()
}
