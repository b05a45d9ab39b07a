//! What a ticket says about cancelling: free until, fee after, not after (row T09).

use boxoffice::http::HttpAnswer;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use testkit::{Platform, eventually};

use crate::world::{
    book_confirmed, register as register_plain, until, until_available, until_status,
};

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

/// Cancels so many with a key, however often it takes until the part before is back.
async fn cancel_some(platform: &Platform, booking: &str, quantity: u32, key: &str) -> HttpAnswer {
    let (path, alice) = (format!("/v1/bookings/{booking}:cancel"), platform.buyer("alice"));
    let wish = json!({"quantity": quantity});
    eventually("a part is cancelled", || async {
        let call = platform.http.post(&path).token(&alice).key(key).json(wish.clone());
        let answer = call.send().await.map_err(|error| error.to_string())?;
        match answer.reason() {
            "CANCEL_IN_PROGRESS" if answer.headers.contains_key("retry-after") => {
                Err(answer.json.to_string())
            }
            _ => Ok(answer),
        }
    })
    .await
}

async fn until_refunded(platform: &Platform, booking: &str, units: &str) -> Value {
    let path = format!("/v1/bookings/{booking}");
    let alice = platform.buyer("alice");
    until(&platform.http, &path, &alice, |row| row["refunded"]["units"] == units).await
}

#[tokio::test(flavor = "multi_thread")]
async fn t09_t10_a_part_twice_and_then_the_rest() {
    let mut platform = Platform::start().await;
    let (alice, acme) = (platform.buyer("alice"), platform.organizer("acme"));
    let ticket = register_plain(&platform, "Parts", 10).await;
    let booking = book_confirmed(&platform, "alice", &ticket, 5).await;

    let first = cancel_some(&platform, &booking, 1, "one").await;
    assert_eq!(first.text("status"), "BOOKING_STATUS_CONFIRMED", "{}", first.json);
    assert_eq!(first.json["quantity"], 4, "{}", first.json);
    // What is decided survives whatever happens next.
    platform.kill9().await;
    platform.restart().await;
    let again = cancel_some(&platform, &booking, 1, "one").await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.json, first.json);
    until_refunded(&platform, &booking, "55000").await;
    until_available(&platform, &ticket, 6).await;

    let second = cancel_some(&platform, &booking, 2, "two").await;
    assert_eq!(second.json["quantity"], 2, "{}", second.json);
    until_refunded(&platform, &booking, "165000").await;
    until_available(&platform, &ticket, 8).await;
    let row = format!("/v1/mypage/bookings/{booking}");
    until(&platform.http, &row, &alice, |row| {
        row["quantity"] == 2 && row["refunded"]["units"] == "165000"
    })
    .await;
    let sales = "/v1/mypage/sales:summary";
    until(&platform.http, sales, &acme, |sales| {
        sales["soldQuantity"] == "2" && sales["totals"][0]["net"]["units"] == "110000"
    })
    .await;
    platform.audit_is_clean().await;

    let too_many = cancel_some(&platform, &booking, 3, "many").await;
    assert_eq!((too_many.status.as_u16(), too_many.reason()), (400, "INVALID_FIELD"));
    let rest = cancel_some(&platform, &booking, 2, "rest").await;
    assert_eq!(rest.status, 200, "{}", rest.json);
    let back = until_status(&platform, "alice", &booking, "BOOKING_STATUS_CANCELLED").await;
    assert_eq!(back["refunded"], back["total"], "{back}");
    let payments = format!("/v1/payments?bookingId={booking}");
    let paid = platform.http.get(&payments).token(&alice).send().await.unwrap().json;
    let refunds = paid["payments"][0]["refunds"].as_array().unwrap();
    let amounts: Vec<_> = refunds.iter().map(|refund| &refund["amount"]["units"]).collect();
    assert_eq!(amounts, ["55000", "110000", "110000"], "one refund for each part");
    until_available(&platform, &ticket, 10).await;
    platform.audit_is_clean().await;
}
