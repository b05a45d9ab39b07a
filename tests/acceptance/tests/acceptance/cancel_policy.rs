//! What a ticket says about cancelling: free until, fee after, not after (row T09).

use boxoffice::http::HttpAnswer;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use testkit::Platform;

use crate::world::{book_confirmed, until, until_available, until_status};

/// A concert in 48 hours at 55,000 KRW, of which 30 percent are kept.
async fn register(platform: &Platform, free_before: &str, closed_before: &str) -> String {
    let start = Timestamp::now() + SignedDuration::from_hours(48);
    let ticket = json!({
        "kind": "TICKET_KIND_ADMISSION", "name": "Bound", "capacity": "10",
        "unitPrice": {"currencyCode": "KRW", "units": "55000"},
        "startTime": start.to_string(),
        "cancelPolicy": {
            "freeBefore": free_before, "feePercent": 30, "closedBefore": closed_before,
        },
    });
    let acme = platform.organizer("acme");
    let answer = platform.http.post("/v1/tickets").token(&acme).json(ticket).send().await.unwrap();
    assert_eq!(answer.json["cancelPolicy"]["feePercent"], 30, "{}", answer.json);
    answer.text("ticketId").to_owned()
}

async fn cancel(platform: &Platform, booking: &str) -> HttpAnswer {
    let (path, alice) = (format!("/v1/bookings/{booking}:cancel"), platform.buyer("alice"));
    platform.http.post(&path).token(&alice).json(json!({})).send().await.unwrap()
}

async fn cancelled(platform: &Platform, booking: &str) -> Value {
    let answer = cancel(platform, booking).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    until_status(platform, "alice", booking, "BOOKING_STATUS_CANCELLED").await
}

#[tokio::test(flavor = "multi_thread")]
async fn t09_t10_free_until_then_the_fee_then_not_any_more() {
    let platform = Platform::start().await;
    let (alice, acme) = (platform.buyer("alice"), platform.organizer("acme"));

    let early = register(&platform, "86400s", "3600s").await;
    let booking = book_confirmed(&platform, "alice", &early, 3).await;
    let path = format!("/v1/bookings/{booking}");
    let shown = platform.http.get(&path).token(&alice).send().await.unwrap().json;
    assert_eq!(shown["cancelTerms"]["feePercent"], 30, "{shown}");
    // What it was made under stays its own.
    let ticket = format!("/v1/tickets/{early}");
    let stricter = json!({"cancelPolicy": {"feePercent": 100}});
    let changed = platform.http.patch(&ticket).token(&acme).json(stricter).send().await.unwrap();
    assert_eq!(changed.json["cancelPolicy"]["feePercent"], 100, "{}", changed.json);
    let free = cancelled(&platform, &booking).await;
    assert_eq!((&free["total"], &free["total"]["units"]), (&free["refunded"], &json!("165000")));

    let late = register(&platform, "259200s", "3600s").await;
    let booking = book_confirmed(&platform, "alice", &late, 3).await;
    let kept = cancelled(&platform, &booking).await;
    assert_eq!(kept["total"]["units"], "165000", "{kept}");
    assert_eq!(kept["refunded"]["units"], "115500", "{kept}");
    assert_eq!(kept["cancelFee"]["units"], "49500", "{kept}");
    until_available(&platform, &late, 10).await;
    let row = format!("/v1/mypage/bookings/{booking}");
    until(&platform.http, &row, &alice, |row| {
        row["paymentStatus"] == "PAYMENT_STATUS_PARTIALLY_REFUNDED"
            && row["refunded"]["units"] == "115500"
    })
    .await;

    let closed = register(&platform, "259200s", "259200s").await;
    let booking = book_confirmed(&platform, "alice", &closed, 2).await;
    let refused = cancel(&platform, &booking).await;
    let is = (refused.status.as_u16(), refused.reason());
    assert_eq!(is, (409, "NOT_CANCELLABLE"), "{}", refused.json);
    assert!(refused.text("message").contains("until"), "{}", refused.json);
    until_status(&platform, "alice", &booking, "BOOKING_STATUS_CONFIRMED").await;
    // Its organizer gives all of it back.
    let ticket = format!("/v1/tickets/{closed}");
    let deleted = platform.http.delete(&ticket).token(&acme).send().await.unwrap();
    assert_eq!(deleted.status, 200, "{}", deleted.json);
    let back = until_status(&platform, "alice", &booking, "BOOKING_STATUS_CANCELLED").await;
    assert_eq!(back["refunded"]["units"], "110000", "{back}");
    platform.audit_is_clean().await;
}
