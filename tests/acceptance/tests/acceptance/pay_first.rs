//! Tickets whose buyers pay before stock is set aside, as the accommodation source had it (row A04).

use serde_json::{Value, json};
use testkit::Platform;

use crate::world::{book, book_confirmed, told, until, until_available, until_status};

async fn register(platform: &Platform, ticket: Value) -> String {
    let acme = platform.organizer("acme");
    let answer = platform.http.post("/v1/tickets").token(&acme).json(ticket).send().await.unwrap();
    assert_eq!(answer.text("allocation"), "ALLOCATION_PAY_FIRST", "{}", answer.json);
    answer.text("ticketId").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a04_the_last_unit_paid_twice_is_sold_to_the_quicker_and_the_slower_is_refunded() {
    let platform = Platform::start().await;
    let one = json!({
        "kind": "TICKET_KIND_ADMISSION", "name": "One left", "capacity": "1",
        "allocation": "ALLOCATION_PAY_FIRST",
        "unitPrice": {"currencyCode": "KRW", "units": "55000"},
    });
    let ticket = register(&platform, one).await;
    let bob = platform.buyer("bob");
    // Bob's payment takes its time, and while it is under way alice is quicker.
    let quicker = async {
        let one_begun = |of: &Value| of["payments"].as_array().is_some_and(|all| all.len() == 1);
        until(&platform.http, "/v1/payments", &bob, one_begun).await;
        book_confirmed(&platform, "alice", &ticket, 1).await;
    };
    let (second, ()) = tokio::join!(book(&platform, "bob", &ticket, 1, "slow"), quicker);
    let booking = second.text("bookingId").to_owned();
    let gone = |booking: &Value| booking["statusReason"] == "STOCK_GONE";
    let gone = until(&platform.http, &format!("/v1/bookings/{booking}"), &bob, gone).await;
    assert_eq!(gone["stockRefusal"], "SOLD_OUT", "{gone}");
    let cancelled = until_status(&platform, "bob", &booking, "BOOKING_STATUS_CANCELLED").await;
    assert_eq!(cancelled["refunded"]["units"], "55000", "{cancelled}");

    // Paid, no stock, refunded, cancelled, and the view keeps the amount. Letters of two contexts come in any order.
    let inbox = format!("/v1/notifications?bookingId={booking}");
    let inbox =
        until(&platform.http, &inbox, &bob, |inbox| told(inbox).contains(&"BookingCancelled"))
            .await;
    let mut letters: Vec<_> = inbox["notifications"].as_array().unwrap().clone();
    letters.sort_by_key(|letter| letter["createTime"].as_str().unwrap().to_owned());
    let letters: Vec<_> =
        letters.iter().map(|letter| letter["eventType"].as_str().unwrap()).collect();
    let at = |event: &str| {
        let at = letters.iter().position(|told| *told == event);
        at.unwrap_or_else(|| panic!("nobody was told of {event}: {letters:?}"))
    };
    assert!(at("PaymentApproved") < at("RefundSucceeded"), "{letters:?}");
    assert!(at("BookingCancellationRequested") < at("BookingCancelled"), "{letters:?}");
    assert!(!letters.contains(&"BookingConfirmed"), "{letters:?}");
    // Now nothing is left, and nobody is charged for that.
    let third = book(&platform, "carol", &ticket, 1, "ok").await;
    assert_eq!(third.reason(), "SOLD_OUT", "{}", third.json);
    let row = format!("/v1/mypage/bookings/{booking}");
    let row = until(&platform.http, &row, &bob, |row| {
        row["status"] == "BOOKING_STATUS_CANCELLED"
            && row["paymentStatus"] == "PAYMENT_STATUS_REFUNDED"
    })
    .await;
    assert_eq!(row["total"]["units"], "55000", "{row}");
    platform.audit_is_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a04_rooms_are_paid_at_their_nights_prices_before_they_are_held() {
    let platform = Platform::start().await;
    let rooms = json!({
        "kind": "TICKET_KIND_NIGHTLY", "name": "Hanok", "capacity": "1", "timeZone": "Asia/Seoul",
        "allocation": "ALLOCATION_PAY_FIRST",
        "unitPrice": {"currencyCode": "KRW", "units": "90000"},
        "firstNight": date("2027-05-01"), "lastNight": date("2027-05-10"), "minNights": 2,
    });
    let ticket = register(&platform, rooms).await;
    let dear = json!({
        "startDate": date("2027-05-02"), "endDate": date("2027-05-03"),
        "unitPrice": {"currencyCode": "KRW", "units": "150000"},
    });
    let acme = platform.organizer("acme");
    let path = format!("/v1/tickets/{ticket}:setNights");
    let priced = platform.http.post(&path).token(&acme).json(dear).send().await.unwrap();
    assert_eq!(priced.status, 200, "{}", priced.json);
    let stay = |check_out: &str, expected: &str| {
        json!({
            "ticketId": ticket, "quantity": 1, "paymentMethod": "ok",
            "checkIn": date("2027-05-01"), "checkOut": date(check_out),
            "expectedTotal": {"currencyCode": "KRW", "units": expected},
        })
    };
    let alice = platform.buyer("alice");
    let wrong = platform.http.post("/v1/bookings").token(&alice).json(stay("2027-05-03", "180000"));
    let wrong = wrong.send().await.unwrap();
    assert_eq!(wrong.reason(), "PRICE_MISMATCH", "nobody is charged another price: {}", wrong.json);
    let short = platform.http.post("/v1/bookings").token(&alice).json(stay("2027-05-02", "90000"));
    let short = short.send().await.unwrap();
    assert_eq!(short.reason(), "STAY_NOT_ALLOWED", "{}", short.json);
    let payments = platform.http.get("/v1/payments").token(&alice).send().await.unwrap();
    assert_eq!(payments.json["payments"].as_array().map_or(0, Vec::len), 0, "{}", payments.json);
    let booked =
        platform.http.post("/v1/bookings").token(&alice).json(stay("2027-05-03", "240000"));
    let booked = booked.send().await.unwrap();
    assert_eq!(booked.text("status"), "BOOKING_STATUS_CONFIRMED", "{}", booked.json);
    assert_eq!(booked.json["total"]["units"], "240000", "{}", booked.json);
    platform.audit_is_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a04_declined_it_waits_without_stock_and_is_paid_later() {
    let platform = Platform::start().await;
    let two = json!({
        "kind": "TICKET_KIND_ADMISSION", "name": "Two", "capacity": "2",
        "allocation": "ALLOCATION_PAY_FIRST", "unitPrice": {"currencyCode": "KRW", "units": "1000"},
    });
    let ticket = register(&platform, two).await;
    let declined = book(&platform, "alice", &ticket, 2, "declined").await;
    assert_eq!(declined.text("statusReason"), "PAYMENT_DECLINED", "{}", declined.json);
    until_available(&platform, &ticket, 2).await;
    let path = format!("/v1/bookings/{}:pay", declined.text("bookingId"));
    let paid = platform.http.post(&path).token(&platform.buyer("alice"));
    let paid = paid.json(json!({"paymentMethod": "ok"})).send().await.unwrap();
    assert_eq!(paid.text("status"), "BOOKING_STATUS_CONFIRMED", "{}", paid.json);
    until_available(&platform, &ticket, 0).await;
    platform.audit_is_clean().await;
}

/// A date as the API has it.
fn date(text: &str) -> Value {
    let mut parts = text.split('-').map(|part| part.parse::<i32>().unwrap());
    let mut next = || parts.next().unwrap();
    json!({"year": next(), "month": next(), "day": next()})
}
