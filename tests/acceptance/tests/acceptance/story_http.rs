//! The whole job with only HTTP.

use serde_json::json;
use testkit::Platform;

use crate::world::{book_confirmed, register, told, until, until_available, until_status};

#[tokio::test(flavor = "multi_thread")]
async fn t01_t03_t04_t05_t06_t07_t08_t09_t10_t11_a_booking_from_register_to_refund() {
    let platform = Platform::start().await;
    let (alice, acme) = (platform.buyer("alice"), platform.organizer("acme"));
    let ticket = register(&platform, "Spring concert", 10).await;

    let found =
        platform.http.get("/v1/tickets?query=SPRING&availableOnly=true").send().await.unwrap();
    assert_eq!(found.json["tickets"][0]["ticketId"], ticket.as_str(), "{}", found.json);
    assert_eq!(found.json["tickets"][0]["available"], "10");

    let booking = book_confirmed(&platform, "alice", &ticket, 3).await;
    until_available(&platform, &ticket, 7).await;
    let read =
        platform.http.get(format!("/v1/bookings/{booking}")).token(&alice).send().await.unwrap();
    assert_eq!(read.json["quantity"], 3);
    assert_eq!(read.json["total"], json!({"currencyCode": "KRW", "units": "165000", "nanos": 0}));

    let my_page = format!("/v1/mypage/bookings/{booking}");
    let approved = |row: &serde_json::Value| {
        row["status"] == "BOOKING_STATUS_CONFIRMED"
            && row["paymentStatus"] == "PAYMENT_STATUS_APPROVED"
    };
    until(&platform.http, &my_page, &alice, approved).await;
    let sales = format!("/v1/mypage/sales?ticketId={ticket}");
    until(&platform.http, &sales, &acme, |page| page["sales"][0]["bookingId"] == booking.as_str())
        .await;

    let inbox = format!("/v1/notifications?bookingId={booking}&pageSize=100");
    let both = |inbox: &serde_json::Value| {
        told(inbox).contains(&"BookingConfirmed") && told(inbox).contains(&"PaymentApproved")
    };
    let letters = until(&platform.http, &inbox, &alice, both).await;
    assert_eq!(told(&letters).len(), 2, "one of each: {letters}");
    let text = letters["notifications"][0]["body"].as_str().unwrap();
    assert!(text.contains(&booking), "names the booking: {text}");
    until(&platform.http, &inbox, &acme, |inbox| told(inbox).contains(&"BookingConfirmed")).await;

    let cancel = format!("/v1/bookings/{booking}:cancel");
    for _ in 0..2 {
        let answer =
            platform.http.post(&cancel).token(&alice).json(json!({})).send().await.unwrap();
        assert!(answer.text("status").starts_with("BOOKING_STATUS_CANCELL"), "{}", answer.json);
    }
    let cancelled = until_status(&platform, "alice", &booking, "BOOKING_STATUS_CANCELLED").await;
    assert_eq!(cancelled["refunded"]["units"], "165000");
    until_available(&platform, &ticket, 10).await;
    let payments = format!("/v1/payments?bookingId={booking}");
    let paid = platform.http.get(payments).token(&alice).send().await.unwrap();
    assert_eq!(paid.json["payments"][0]["status"], "PAYMENT_STATUS_REFUNDED", "{}", paid.json);
    assert_eq!(
        paid.json["payments"][0]["refunds"].as_array().unwrap().len(),
        1,
        "two cancels, one refund"
    );
    let letters =
        until(&platform.http, &inbox, &alice, |inbox| told(inbox).contains(&"RefundSucceeded"))
            .await;
    assert_eq!(told(&letters).iter().filter(|event| **event == "RefundSucceeded").count(), 1);
    platform.audit_is_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t02_t12_t13_a_deleted_tickets_bookings_are_cancelled_and_refunded() {
    let platform = Platform::start().await;
    let acme = platform.organizer("acme");
    let ticket = register(&platform, "Called off", 50).await;
    let mut bookings = Vec::new();
    for n in 0..20 {
        bookings.push(book_confirmed(&platform, &format!("buyer-{n}"), &ticket, 2).await);
    }

    let path = format!("/v1/tickets/{ticket}");
    for _ in 0..2 {
        let answer = platform.http.delete(&path).token(&acme).send().await.unwrap();
        assert_eq!(answer.status, 200, "a second delete gives the same answer: {}", answer.json);
    }
    for (n, booking) in bookings.iter().enumerate() {
        let row =
            until_status(&platform, &format!("buyer-{n}"), booking, "BOOKING_STATUS_CANCELLED")
                .await;
        assert_eq!(row["refunded"], row["total"]);
    }
    until(&platform.http, &path, &acme, |ticket| ticket["status"] == "TICKET_STATUS_RETIRED").await;
    until_available(&platform, &ticket, 50).await;
    let found = platform.http.get("/v1/tickets?query=called").send().await.unwrap();
    assert_eq!(found.json["tickets"], json!([]), "not found by search");
    let refused = crate::world::book(&platform, "late", &ticket, 1, "ok").await;
    assert_eq!(
        (refused.status.as_u16(), refused.reason()),
        (409, "NOT_ON_SALE"),
        "{}",
        refused.json
    );
    let inbox = format!("/v1/notifications?ticketId={ticket}&pageSize=100");
    let letters =
        until(&platform.http, &inbox, &acme, |inbox| told(inbox).contains(&"TicketRetired")).await;
    let count = |event: &str| told(&letters).iter().filter(|told| **told == event).count();
    assert_eq!((count("TicketRegistered"), count("TicketRetired")), (1, 1));
    platform.audit_is_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p02_every_scripted_outcome_ends_as_the_design_says() {
    let platform = Platform::start().await;
    let ticket = register(&platform, "Outcomes", 10).await;
    for (method, first, last) in [
        ("ok", "CONFIRMED", "CONFIRMED"),
        ("declined", "AWAITING_PAYMENT", "AWAITING_PAYMENT"),
        ("lost_reply", "", "CONFIRMED"),
        ("slow", "", "CONFIRMED"),
    ] {
        let answer = crate::world::book(&platform, "alice", &ticket, 1, method).await;
        assert_eq!(answer.status, 201, "{method}: {}", answer.json);
        if !first.is_empty() {
            assert_eq!(answer.text("status"), format!("BOOKING_STATUS_{first}"), "{method}");
        }
        let status = format!("BOOKING_STATUS_{last}");
        until_status(&platform, "alice", answer.text("bookingId"), &status).await;
    }
    platform.audit_is_clean().await;
}
