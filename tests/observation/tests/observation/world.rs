//! What the tests do with the platform: a ticket, bookings that end in every way, and calls that bear a trace.

use boxoffice::http::{HttpAnswer, HttpCall};
use serde_json::{Value, json};
use testkit::{Platform, eventually};

/// An operator would not want to find it in a log, nor a regulator.
pub(crate) const BUYER: &str = "alice@example.com";
const UNITS: u32 = 50;

/// Registers an admission ticket and gives its id.
pub(crate) async fn register(platform: &Platform) -> String {
    let ticket = json!({
        "kind": "TICKET_KIND_ADMISSION", "name": "Watched", "capacity": UNITS.to_string(),
        "unitPrice": {"currencyCode": "KRW", "units": "55000"},
    });
    let call = platform.http.post("/v1/tickets").token(&platform.organizer("acme")).json(ticket);
    answered(call).await.text("ticketId").to_owned()
}

/// Begins a booking of one's own.
pub(crate) fn wish<'a>(
    platform: &'a Platform,
    ticket: &str,
    units: u32,
    method: &str,
) -> HttpCall<'a> {
    let wish = json!({"ticketId": ticket, "quantity": units, "paymentMethod": method});
    platform.http.post("/v1/bookings").token(&platform.buyer(BUYER)).json(wish)
}

/// Begins a cancellation.
pub(crate) fn cancellation<'a>(platform: &'a Platform, booking: &str) -> HttpCall<'a> {
    let path = format!("/v1/bookings/{booking}:cancel");
    platform.http.post(path).token(&platform.buyer(BUYER)).json(json!({}))
}

/// Sends a call, which must succeed.
pub(crate) async fn answered(call: HttpCall<'_>) -> HttpAnswer {
    let answer = call.send().await.unwrap();
    assert!(answer.status.is_success(), "{} {}", answer.status, answer.json);
    answer
}

/// Waits until a booking is cancelled and its buyer's view says so.
pub(crate) async fn until_cancelled(platform: &Platform, booking: &str) {
    let token = platform.buyer(BUYER);
    for path in [format!("/v1/bookings/{booking}"), format!("/v1/mypage/bookings/{booking}")] {
        eventually(&path, || async {
            let answer = platform.http.get(&path).token(&token).send().await;
            let answer = answer.map_err(|error| error.to_string())?;
            let status = answer.text("status");
            (status == "BOOKING_STATUS_CANCELLED").then_some(()).ok_or_else(|| status.to_owned())
        })
        .await;
    }
}

/// Waits until the buyer was told of the refund of a booking.
pub(crate) async fn until_told(platform: &Platform, booking: &str) {
    let path = format!("/v1/notifications?bookingId={booking}&pageSize=100");
    let token = platform.buyer(BUYER);
    eventually("the letter about the refund", || async {
        let answer = platform.http.get(&path).token(&token).send().await;
        let inbox = answer.map_err(|error| error.to_string())?.json;
        let letters = inbox["notifications"].as_array().into_iter().flatten();
        let mut events = letters.filter_map(|letter| letter["eventType"].as_str());
        events.any(|event| event == "RefundSucceeded").then_some(()).ok_or(inbox.to_string())
    })
    .await;
}

/// Bookings that end in every way: kept, cancelled, declined, refused for want of stock.
pub(crate) async fn every_ending(platform: &Platform, ticket: &str) {
    let kept = answered(wish(platform, ticket, 1, "ok")).await;
    let booking = kept.text("bookingId").to_owned();
    answered(cancellation(platform, &booking)).await;
    until_cancelled(platform, &booking).await;
    until_told(platform, &booking).await;
    let declined = answered(wish(platform, ticket, 1, "declined")).await;
    assert_eq!(declined.text("status"), "BOOKING_STATUS_AWAITING_PAYMENT", "{}", declined.json);
    answered(cancellation(platform, declined.text("bookingId"))).await;
    let refused = wish(platform, ticket, UNITS + 1, "ok").send().await.unwrap();
    assert!(refused.status.is_client_error(), "{} {}", refused.status, refused.json);
}

/// Every whole line of a log, which must be JSON.
pub(crate) fn lines(log: &str) -> Vec<Value> {
    let (whole, _being_written) = log.rsplit_once('\n').unwrap_or_default();
    let read = |line: &str| {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("no JSON: {error}: {line}"))
    };
    whole.lines().map(read).collect()
}

/// Neither a token nor the name of a buyer, which may be an address, stands in what others may read.
pub(crate) fn no_secret_in(platform: &Platform, place: &str, text: &str) {
    for secret in [platform.buyer(BUYER), platform.organizer("acme"), BUYER.to_owned()] {
        assert!(!text.contains(&secret), "{place} holds {secret}");
    }
}
