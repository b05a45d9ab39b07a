//! One client key, one outcome (I6).

use serde_json::json;
use testkit::Platform;

use crate::world::{book_confirmed, register, until_available};

#[tokio::test(flavor = "multi_thread")]
async fn i6_the_same_key_is_one_booking_and_the_same_answer() {
    let mut platform = Platform::start().await;
    let ticket = register(&platform, "Once", 10).await;
    let alice = platform.buyer("alice");
    let wish = json!({"ticketId": ticket, "quantity": 2, "paymentMethod": "ok"});
    let first = platform
        .http
        .post("/v1/bookings")
        .token(&alice)
        .key("k1")
        .json(wish.clone())
        .send()
        .await
        .unwrap();
    assert_eq!(first.status, 201, "{}", first.json);
    assert!(first.headers.get("idempotency-replayed").is_none());

    platform.kill9().await;
    platform.restart().await;
    let again = platform
        .http
        .post("/v1/bookings")
        .token(&alice)
        .key("k1")
        .json(wish.clone())
        .send()
        .await
        .unwrap();
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!((again.status, &again.json), (first.status, &first.json), "also after kill -9");

    let other = json!({"ticketId": ticket, "quantity": 3, "paymentMethod": "ok"});
    let reused = platform
        .http
        .post("/v1/bookings")
        .token(&alice)
        .key("k1")
        .json(other.clone())
        .send()
        .await
        .unwrap();
    assert_eq!(
        (reused.status.as_u16(), reused.reason()),
        (422, "IDEMPOTENCY_KEY_REUSED"),
        "{}",
        reused.json
    );

    let bob = platform.buyer("bob");
    let his =
        platform.http.post("/v1/bookings").token(&bob).key("k1").json(other).send().await.unwrap();
    assert_eq!(his.status, 201, "r38: a key is its caller's own");
    assert_ne!(his.text("bookingId"), first.text("bookingId"));
    until_available(&platform, &ticket, 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_a_hundred_at_once_with_one_key_are_one_booking() {
    let platform = Platform::start().await;
    let ticket = register(&platform, "Hasty", 100).await;
    let alice = platform.buyer("alice");
    let calls = (0..100).map(|_| {
        let wish = json!({"ticketId": ticket, "quantity": 1, "paymentMethod": "ok"});
        platform.http.post("/v1/bookings").token(&alice).key("same").json(wish).send()
    });
    let mut booked = std::collections::BTreeSet::new();
    for answer in futures::future::join_all(calls).await {
        let answer = answer.unwrap();
        booked.extend((answer.status == 201).then(|| answer.text("bookingId").to_owned()));
        let running = answer.status == 409 && answer.reason() == "IDEMPOTENCY_KEY_IN_USE";
        let refused_early = answer.status == 429;
        assert!(
            answer.status == 201 || running || refused_early,
            "{} {}",
            answer.status,
            answer.json
        );
    }
    until_available(&platform, &ticket, 99).await;
    assert_eq!(booked.len(), 1, "one booking, whoever was answered: {booked:?}");
    let hers = platform.http.get("/v1/bookings").token(&alice).send().await.unwrap();
    assert_eq!(hers.json["bookings"].as_array().map(Vec::len), Some(1), "{}", hers.json);
    platform.audit_is_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row24_without_a_key_each_call_is_its_own_and_a_key_that_is_none_is_refused() {
    let platform = Platform::start().await;
    let ticket = register(&platform, "Keyless", 10).await;
    let alice = platform.buyer("alice");
    let wish = || json!({"ticketId": ticket, "quantity": 1, "paymentMethod": "ok"});
    let ask = || platform.http.post("/v1/bookings").token(&alice).json(wish());
    let (first, second) = (ask().send().await.unwrap(), ask().send().await.unwrap());
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 201), "{}", second.json);
    assert_ne!(first.text("bookingId"), second.text("bookingId"));
    for key in ["", " ", "two words", &"k".repeat(256)] {
        let refused = ask().key(key).send().await.unwrap();
        let told = (refused.status.as_u16(), refused.reason());
        assert_eq!(told, (400, "INVALID_FIELD"), "{key:?}: {}", refused.json);
    }
    let longest = ask().key(&"k".repeat(255)).send().await.unwrap();
    assert_eq!(longest.status, 201, "{}", longest.json);
    until_available(&platform, &ticket, 7).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_a_sold_out_answer_is_replayed_too() {
    let platform = Platform::start().await;
    let ticket = register(&platform, "Small", 1).await;
    let alice = platform.buyer("alice");
    for replayed in [None, Some("true")] {
        let wish = json!({"ticketId": ticket, "quantity": 2, "paymentMethod": "ok"});
        let answer = platform
            .http
            .post("/v1/bookings")
            .token(&alice)
            .key("k")
            .json(wish)
            .send()
            .await
            .unwrap();
        assert_eq!((answer.status.as_u16(), answer.reason()), (409, "SOLD_OUT"), "{}", answer.json);
        let header =
            answer.headers.get("idempotency-replayed").map(|value| value.to_str().unwrap());
        assert_eq!(header, replayed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_what_is_known_to_be_sold_out_leaves_no_booking_and_the_same_answer_when_stock_is_back()
{
    let mut platform = Platform::start().await;
    let ticket = register(&platform, "Gone", 1).await;
    let bobs = book_confirmed(&platform, "bob", &ticket, 1).await;
    let (alice, bob) = (platform.buyer("alice"), platform.buyer("bob"));
    let ask = async |platform: &Platform, key: &str| {
        let wish = json!({"ticketId": ticket, "quantity": 1, "paymentMethod": "ok"});
        platform.http.post("/v1/bookings").token(&alice).key(key).json(wish).send().await.unwrap()
    };
    let first = ask(&platform, "k").await;
    assert_eq!((first.status.as_u16(), first.reason()), (409, "SOLD_OUT"), "{}", first.json);
    assert!(first.headers.get("idempotency-replayed").is_none());
    let hers = platform.http.get("/v1/bookings").token(&alice).send().await.unwrap();
    assert!(hers.json["bookings"].as_array().is_none_or(Vec::is_empty), "{}", hers.json);

    let cancel = format!("/v1/bookings/{bobs}:cancel");
    platform.http.post(cancel).token(&bob).json(json!({})).send().await.unwrap();
    until_available(&platform, &ticket, 1).await;
    platform.kill9().await;
    platform.restart().await;
    let again = ask(&platform, "k").await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!((again.status, &again.json), (first.status, &first.json));
    let other = ask(&platform, "another").await;
    assert_eq!(other.text("status"), "BOOKING_STATUS_CONFIRMED", "{}", other.json);
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_a_key_sent_with_a_second_cancel_is_its_own_and_no_other_bookings() {
    let platform = Platform::start().await;
    let ticket = register(&platform, "Twice", 10).await;
    let first = crate::world::book_confirmed(&platform, "alice", &ticket, 1).await;
    let second = crate::world::book_confirmed(&platform, "alice", &ticket, 1).await;
    let alice = platform.buyer("alice");
    let cancel = |booking: &str| {
        let path = format!("/v1/bookings/{booking}:cancel");
        platform.http.post(path).token(&alice).json(json!({}))
    };
    cancel(&first).send().await.unwrap();
    let again = cancel(&first).key("kc").send().await.unwrap();
    assert!(again.text("status").starts_with("BOOKING_STATUS_CANCELL"), "{}", again.json);
    let other = cancel(&second).key("kc").send().await.unwrap();
    assert_eq!((other.status.as_u16(), other.reason()), (422, "IDEMPOTENCY_KEY_REUSED"));
    let kept = format!("/v1/bookings/{second}");
    let kept = platform.http.get(kept).token(&alice).send().await.unwrap();
    assert_eq!(kept.text("status"), "BOOKING_STATUS_CONFIRMED", "nothing was cancelled by mistake");
    let replayed = cancel(&first).key("kc").send().await.unwrap();
    assert_eq!(replayed.headers["idempotency-replayed"], "true");
    assert_eq!(replayed.json, again.json);
    platform.audit_is_clean().await;
}
