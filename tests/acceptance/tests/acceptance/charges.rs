//! What becomes of each outcome of a charge, and that nothing makes a second one (traps R04 to R06).

use futures::future::join_all;
use serde_json::{Value, json};
use testkit::Platform;

use crate::world::{book, register, until, until_status};

/// The statuses of all attempts for a booking, once there are so many.
async fn attempts(platform: &Platform, buyer: &str, booking: &str, count: usize) -> Vec<String> {
    let path = format!("/v1/payments?bookingId={booking}");
    let page = until(&platform.http, &path, &platform.buyer(buyer), |page| {
        page["payments"].as_array().is_some_and(|payments| payments.len() == count)
    })
    .await;
    let payments = page["payments"].as_array().unwrap();
    let status = |payment: &Value| payment["status"].as_str().unwrap().to_owned();
    let mut statuses: Vec<_> = payments.iter().map(status).collect();
    statuses.sort();
    statuses
}

#[tokio::test(flavor = "multi_thread")]
async fn r04_each_scripted_outcome_ends_as_it_should_and_is_charged_once_at_most() {
    let platform = Platform::start().await;
    let ticket = register(&platform, "Outcomes", 100).await;
    let confirmed = "BOOKING_STATUS_CONFIRMED";
    let awaiting = "BOOKING_STATUS_AWAITING_PAYMENT";
    let outcomes = [
        ("ok", confirmed, "PAYMENT_STATUS_APPROVED"),
        ("declined", awaiting, "PAYMENT_STATUS_DECLINED"),
        ("slow", confirmed, "PAYMENT_STATUS_APPROVED"),
        ("lost_reply", confirmed, "PAYMENT_STATUS_APPROVED"),
        ("hang", awaiting, "PAYMENT_STATUS_DECLINED"),
    ];
    let ends = outcomes.map(async |(method, status, payment)| {
        let answer = book(&platform, method, &ticket, 1, method).await;
        assert_eq!(answer.status, 201, "{method}: {}", answer.json);
        let booking = answer.text("bookingId");
        let first = answer.text("status");
        let is_open = first == "BOOKING_STATUS_PENDING";
        assert!(first == status || is_open, "{method}: {}", answer.json);
        until_status(&platform, method, booking, status).await;
        assert_eq!(attempts(&platform, method, booking, 1).await, [payment], "{method}");
    });
    join_all(ends).await;
    platform.audit_is_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r06_fifty_who_pay_at_once_make_one_charge() {
    let platform = Platform::start().await;
    let ticket = register(&platform, "Impatient", 10).await;
    let declined = book(&platform, "alice", &ticket, 1, "declined").await;
    let booking = declined.text("bookingId").to_owned();
    let path = format!("/v1/bookings/{booking}:pay");
    let token = platform.buyer("alice");
    let paying = (0..50).map(|_| {
        let pay = platform.http.post(&path).token(&token).json(json!({"paymentMethod": "ok"}));
        async move { pay.send().await.unwrap() }
    });
    for answer in join_all(paying).await {
        // Who comes while it is paid is told how it is, who comes after that there is nothing to pay.
        let is_fine = match answer.status.as_u16() {
            200 => {
                let status = answer.text("status");
                status == "BOOKING_STATUS_CONFIRMED" || status == "BOOKING_STATUS_PENDING"
            }
            409 => ["NOT_PAYABLE", "CONTENDED"].contains(&answer.reason()),
            _ => false,
        };
        assert!(is_fine, "{} {}", answer.status, answer.json);
    }
    until_status(&platform, "alice", &booking, "BOOKING_STATUS_CONFIRMED").await;
    let attempts = attempts(&platform, "alice", &booking, 2).await;
    assert_eq!(attempts, ["PAYMENT_STATUS_APPROVED", "PAYMENT_STATUS_DECLINED"]);
    platform.audit_is_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r05_asked_again_after_no_answer_it_is_the_same_charge() {
    let platform = Platform::start().await;
    let ticket = register(&platform, "Again", 10).await;
    let token = platform.buyer("alice");
    let wish = json!({"ticketId": ticket, "quantity": 1, "paymentMethod": "lost_reply"});
    let ask = || {
        let call = platform.http.post("/v1/bookings").token(&token).json(wish.clone());
        call.header("idempotency-key", "once").send()
    };
    let first = ask().await.unwrap();
    let booking = first.text("bookingId").to_owned();
    let again = ask().await.unwrap();
    // Still being found out, or found out and the same.
    let is_same = again.reason() == "IDEMPOTENCY_KEY_IN_USE" || again.text("bookingId") == booking;
    assert!(is_same, "{} {}", again.status, again.json);
    let pay = format!("/v1/bookings/{booking}:pay");
    let pay = platform.http.post(&pay).token(&token).json(json!({"paymentMethod": "ok"}));
    let _told = pay.send().await.unwrap();
    until_status(&platform, "alice", &booking, "BOOKING_STATUS_CONFIRMED").await;
    assert_eq!(attempts(&platform, "alice", &booking, 1).await, ["PAYMENT_STATUS_APPROVED"]);
    platform.audit_is_clean().await;
}
