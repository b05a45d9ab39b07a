//! What is not paid in time comes back by itself.

use serde_json::json;
use testkit::Platform;

use crate::world::{book, told, until, until_available, until_status};

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_booking_expires_with_its_hold_and_its_stock_is_free_again() {
    let platform = Platform::start().await;
    let ticket = json!({
        "kind": "TICKET_KIND_ADMISSION", "name": "Brief", "capacity": "2", "holdTtl": "10s",
        "unitPrice": {"currencyCode": "EUR", "units": "19", "nanos": 990_000_000},
    });
    let acme = platform.organizer("acme");
    let ticket = platform.http.post("/v1/tickets").token(&acme).json(ticket).send().await.unwrap();
    let ticket = ticket.text("ticketId").to_owned();
    let waiting = book(&platform, "alice", &ticket, 2, "declined").await;
    assert_eq!(waiting.text("status"), "BOOKING_STATUS_AWAITING_PAYMENT", "{}", waiting.json);
    assert_eq!(waiting.text("statusReason"), "PAYMENT_DECLINED");
    let refused = book(&platform, "bob", &ticket, 1, "ok").await;
    assert_eq!((refused.status.as_u16(), refused.reason()), (409, "SOLD_OUT"), "{}", refused.json);

    let booking = waiting.text("bookingId");
    until_status(&platform, "alice", booking, "BOOKING_STATUS_EXPIRED").await;
    until_available(&platform, &ticket, 2).await;
    let pay = format!("/v1/bookings/{booking}:pay");
    let alice = platform.buyer("alice");
    let late = platform
        .http
        .post(&pay)
        .token(&alice)
        .json(json!({"paymentMethod": "ok"}))
        .send()
        .await
        .unwrap();
    assert_eq!((late.status.as_u16(), late.reason()), (409, "NOT_PAYABLE"), "{}", late.json);
    let cancel = format!("/v1/bookings/{booking}:cancel");
    let late = platform.http.post(&cancel).token(&alice).json(json!({})).send().await.unwrap();
    assert_eq!((late.status.as_u16(), late.reason()), (409, "NOT_CANCELLABLE"), "{}", late.json);
    platform.audit_is_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t06_people_are_written_to_in_their_own_language() {
    let platform = Platform::start().await;
    let ticket = crate::world::register(&platform, "봄 콘서트", 5).await;
    let jimin = platform.token(&["--role", "buyer", "--sub", "jimin", "--locale", "ko-KR"]);
    let wish = json!({"ticketId": ticket, "quantity": 1, "paymentMethod": "ok"});
    let booked = platform.http.post("/v1/bookings").token(&jimin).json(wish).send().await.unwrap();
    let path = format!("/v1/notifications?bookingId={}", booked.text("bookingId"));
    let inbox =
        until(&platform.http, &path, &jimin, |inbox| told(inbox).contains(&"BookingConfirmed"))
            .await;
    let letters = inbox["notifications"].as_array().unwrap();
    let confirmed =
        letters.iter().find(|letter| letter["eventType"] == "BookingConfirmed").unwrap();
    let text = confirmed["body"].as_str().unwrap();
    assert!(text.contains("예매") && text.contains("봄 콘서트"), "{text}");
}
