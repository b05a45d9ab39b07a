//! A provider that does not answer as it should: buyers are told at once to pay later, nothing is lost, and it is all as
//! before by itself when the provider is (rows N03 and X02, trap R33).

use boxoffice::http::HttpAnswer;
use futures::future::join_all;
use serde_json::{Value, json};
use testkit::{Platform, eventually};

use crate::world::{book, register, until};

/// What the servers say of the breaker, of whom one has it.
async fn breaker(platform: &mut Platform) -> Option<String> {
    for server in platform.servers() {
        let ready = server.admin_get("/ready").await.expect("it runs");
        let ready: Value = serde_json::from_str(&ready.body).expect("JSON");
        if let Some(state) = ready["details"]["payment_breaker"].as_str() {
            return Some(state.to_owned());
        }
    }
    None
}

fn retry_after(answer: &HttpAnswer) -> Option<&str> {
    answer.headers.get("retry-after").map(|seconds| seconds.to_str().expect("a number"))
}

fn is_to_be_paid_later(answer: &HttpAnswer) -> bool {
    let is_late = answer.text("statusReason") == "PAYMENT_UNAVAILABLE";
    if is_late {
        assert_eq!(answer.text("status"), "BOOKING_STATUS_AWAITING_PAYMENT", "{}", answer.json);
        assert!(answer.json["payBy"].is_string(), "{}", answer.json);
        assert_eq!(retry_after(answer), Some("5"), "{}", answer.json);
    } else {
        assert_eq!(answer.text("status"), "BOOKING_STATUS_CONFIRMED", "{}", answer.json);
        assert_eq!(retry_after(answer), None);
    }
    is_late
}

async fn pay(platform: &Platform, buyer: &str, booking: &str) -> HttpAnswer {
    let path = format!("/v1/bookings/{booking}:pay");
    let (token, with) = (platform.buyer(buyer), json!({"paymentMethod": "ok"}));
    platform.http.post(&path).token(&token).json(with).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn n03_while_the_provider_is_slow_buyers_pay_later_and_when_it_heals_so_does_booking() {
    // What names no means of payment takes half a second, which is slow here; `ok` is answered at once.
    let settings = [
        ("PAYMENT_PROCESSING_MIN_MS", "500"),
        ("PAYMENT_PROCESSING_MAX_MS", "500"),
        ("PAYMENT_SLOW_MS", "100"),
    ];
    let mut platform = Platform::start_with(&settings).await;
    let ticket = register(&platform, "Rush", 100).await;
    assert_eq!(breaker(&mut platform).await.as_deref(), Some("closed"));
    let buyers: Vec<_> = (0..24).map(|number| format!("early-{number}")).collect();
    let answers = join_all(buyers.iter().map(|buyer| book(&platform, buyer, &ticket, 1, ""))).await;
    let early = buyers.into_iter().zip(answers);
    let mut waiting: Vec<_> = early
        .filter(|(_, answer)| is_to_be_paid_later(answer))
        .map(|(buyer, answer)| (buyer, answer.text("bookingId").to_owned()))
        .collect();

    // From now on nobody waits for the provider.
    assert_eq!(breaker(&mut platform).await.as_deref(), Some("open"));
    for number in 0..5 {
        let buyer = format!("late-{number}");
        let answer = book(&platform, &buyer, &ticket, 1, "ok").await;
        assert!(is_to_be_paid_later(&answer), "{}", answer.json);
        waiting.push((buyer, answer.text("bookingId").to_owned()));
    }
    // Each holds its place, and no attempt was begun.
    let (buyer, booking) = waiting.last().cloned().expect("five");
    let payments = format!("/v1/payments?bookingId={booking}");
    until(&platform.http, &payments, &platform.buyer(&buyer), |page| {
        page.get("payments").and_then(Value::as_array).is_none_or(Vec::is_empty)
    })
    .await;

    for (buyer, booking) in &waiting {
        eventually("the provider is asked again", || async {
            let answer = pay(&platform, buyer, booking).await;
            // Paid by the try before, whose answer was late.
            let is_paid = answer.reason() == "NOT_PAYABLE" || !is_to_be_paid_later(&answer);
            if is_paid { Ok(()) } else { Err(answer.json.to_string()) }
        })
        .await;
    }
    assert_eq!(breaker(&mut platform).await.as_deref(), Some("closed"));
    let last = book(&platform, "last", &ticket, 1, "ok").await;
    assert!(!is_to_be_paid_later(&last), "{}", last.json);
    platform.audit_is_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n03_no_more_charges_are_under_way_than_may_be() {
    let settings = [("PAYMENT_AT_ONCE", "1"), ("PAYMENT_BREAKER", "off")];
    let platform = Platform::start_with(&settings).await;
    let ticket = register(&platform, "Narrow", 10).await;
    let (slow, other) = tokio::join!(book(&platform, "first", &ticket, 1, "slow"), async {
        // Its attempt is stored before the provider is asked.
        let payments = platform.buyer("first");
        until(&platform.http, "/v1/payments", &payments, |page| {
            page["payments"].as_array().is_some_and(|payments| payments.len() == 1)
        })
        .await;
        book(&platform, "other", &ticket, 1, "ok").await
    });
    assert!(is_to_be_paid_later(&other), "{}", other.json);
    assert_eq!(slow.text("status"), "BOOKING_STATUS_CONFIRMED", "{}", slow.json);
    let paid = pay(&platform, "other", other.text("bookingId")).await;
    assert!(!is_to_be_paid_later(&paid), "{}", paid.json);
    platform.audit_is_clean().await;
}
