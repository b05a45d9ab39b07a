//! What operators do when messages went wrong: set-aside ones listed and tried again, told ones told again.

use sea_orm::{ConnectionTrait, Statement};
use serde_json::Value;
use testkit::{Platform, eventually};

use crate::world::{book_confirmed, register, tamper};

const POISON: &str = "01a1fd4a-5819-7000-8cc7-000000000001";
const STRANGER: &str = "01a1fd4a-5819-7000-8cc7-000000000002";

#[tokio::test(flavor = "multi_thread")]
async fn r18_a_poisoned_message_is_set_aside_listed_and_tried_again() {
    let platform = Platform::start().await;
    let ticket = register(&platform, "Poisoned", 10).await;
    let booking = book_confirmed(&platform, "alice", &ticket, 1).await;
    platform.audit_is_clean().await;
    assert_eq!(platform.command(&["dead-letters", "list"]).await, (0, "0 dead letters\n".into()));
    let told_before = told(&platform).await;

    let unreadable = bytes(&platform, "booking", &[0xff]);
    tamper(&platform, "booking", &one_more_event(&booking, &unreadable)).await;
    let letters = set_aside(&platform, |letter| letter["retrying"] == false).await;
    let mut consumers: Vec<_> = letters.iter().map(|letter| &letter["consumer"]).collect();
    consumers.sort_by_key(|name| name.to_string());
    assert_eq!(consumers, ["mypage.views", "notification.letters"]);
    let (code, said) = platform.command(&["audit", "--grace-secs", "0"]).await;
    assert!(code == 1 && said.contains("L1  notification.letters/"), "{code} {said}");
    // The messages after it have gone past it.
    book_confirmed(&platform, "alice", &ticket, 1).await;
    eventually("the next booking is told of as the first", async || match told(&platform).await {
        all if all == 2 * told_before => Ok(()),
        some => Err(format!("{some} letters")),
    })
    .await;

    let (code, said) = platform.command(&["dead-letters", "retry", STRANGER]).await;
    assert!(code == 1 && said.contains("no dead letter has this id"), "{code} {said}");
    let (code, said) = platform.command(&["dead-letters", "retry", POISON]).await;
    assert!(code == 0 && said.contains("will be tried again by 2 consumers"), "{code} {said}");
    let first = letters.iter().filter_map(|letter| letter["parkTime"].as_str()).max().unwrap();
    // It is no better: it is set aside again.
    set_aside(&platform, |letter| {
        letter["retrying"] == false && letter["parkTime"].as_str() > Some(first)
    })
    .await;

    // What stands for a version that can read it.
    let good = confirmation(&platform, &booking).await;
    for context in ["notification", "mypage"] {
        let good = bytes(&platform, context, &good);
        tamper(&platform, context, &format!("UPDATE dead_letter SET payload = {good}")).await;
    }
    let before = told(&platform).await;
    let (code, said) = platform.command(&["dead-letters", "retry", "--all"]).await;
    assert!(code == 0 && said.contains("2 dead letters will be tried again"), "{code} {said}");
    eventually("none is left", async || {
        let (code, said) = platform.command(&["dead-letters", "list"]).await;
        if code == 0 && said == "0 dead letters\n" { Ok(()) } else { Err(said) }
    })
    .await;
    platform.audit_is_clean().await;
    assert_eq!(told(&platform).await, before + 1, "alice is told what could not be read");
}

#[tokio::test(flavor = "multi_thread")]
async fn r18_a_message_that_the_bus_refused_is_listed_and_sent_again() {
    let platform = Platform::start().await;
    let ticket = register(&platform, "Refused", 10).await;
    book_confirmed(&platform, "alice", &ticket, 1).await;
    platform.audit_is_clean().await;
    let refused = "UPDATE outbox SET published_at_us = NULL, parked_at_us = 1, last_error = 'too large' \
                   WHERE event_type LIKE '%.BookingConfirmed'";
    tamper(&platform, "booking", refused).await;
    let (code, said) = platform.command(&["dead-letters", "list", "--context", "booking"]).await;
    let named = said.contains("  booking  relay  BookingConfirmed") && said.contains("too large");
    assert!(code == 0 && named && said.contains("1 dead letters"), "{code} {said}");
    let (code, said) = platform.command(&["audit", "--grace-secs", "0"]).await;
    assert!(code == 1 && said.contains("L1  relay/"), "{code} {said}");

    let (code, said) = platform.command(&["dead-letters", "retry", "--all"]).await;
    assert!(code == 0 && said.contains("1 dead letters will be tried again"), "{code} {said}");
    platform.audit_is_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n05_what_is_told_again_changes_nothing_twice() {
    let platform = Platform::start().await;
    let ticket = register(&platform, "Replayed", 10).await;
    for _ in 0..3 {
        book_confirmed(&platform, "alice", &ticket, 1).await;
    }
    platform.audit_is_clean().await;
    let before = (told(&platform).await, seen(&platform).await);
    // Each booking was placed and confirmed, and paid.
    let counts = ["ticket: 1 messages", "booking: 6 messages", "payment: 3 messages"];
    let (code, said) = platform.command(&["replay", "--since", "1h"]).await;
    assert!(code == 0 && counts.iter().all(|count| said.contains(count)), "{code} {said}");
    // All is told again, and heard once.
    platform.audit_is_clean().await;
    assert_eq!((told(&platform).await, seen(&platform).await), before);

    let (code, said) = platform
        .command(&["replay", "--since", "2100-01-01T00:00:00Z", "--context", "booking"])
        .await;
    assert!(code == 0 && said.contains("booking: 0 messages"), "{code} {said}");
    assert!(!said.contains("ticket"), "only one context was named: {said}");
    let (code, said) = platform.command(&["replay", "--since", "yesterday"]).await;
    assert!(code == 2 && said.contains("2h"), "{code} {said}");
}

/// Another confirmation of a booking, with this payload.
fn one_more_event(booking: &str, payload: &str) -> String {
    format!(
        "INSERT INTO outbox (id, event_type, source, aggregate_type, aggregate_id, version, correlation_id, \
         occurred_at_us, payload, created_at_us, attempts, next_attempt_at_us) SELECT '{POISON}', event_type, \
         source, aggregate_type, '{STRANGER}', 1, '{STRANGER}', occurred_at_us, {payload}, created_at_us, 0, \
         next_attempt_at_us FROM outbox WHERE aggregate_id = '{booking}' AND event_type LIKE '%.BookingConfirmed'"
    )
}

/// Waits until two dead letters are as wanted.
async fn set_aside(platform: &Platform, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
    eventually("two dead letters", async || {
        let (code, said) = platform.command(&["dead-letters", "list", "--json"]).await;
        assert_eq!(code, 0, "{said}");
        let letters: Vec<Value> =
            said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let all = letters.iter().all(|letter| letter["eventId"] == POISON && wanted(letter));
        if letters.len() == 2 && all { Ok(letters) } else { Err(said) }
    })
    .await
}

/// The payload of a booking's confirmation.
async fn confirmation(platform: &Platform, booking: &str) -> Vec<u8> {
    let database = sea_orm::Database::connect(platform.database_url("booking")).await.unwrap();
    let of_it = format!(
        "SELECT payload FROM outbox WHERE aggregate_id = '{booking}' AND event_type LIKE '%.BookingConfirmed'"
    );
    let statement = Statement::from_string(database.get_database_backend(), of_it);
    let row = database.query_one_raw(statement).await.unwrap().unwrap();
    database.close().await.unwrap();
    row.try_get_by_index(0).unwrap()
}

/// Bytes as a database's own SQL writes them.
fn bytes(platform: &Platform, database: &str, bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    if platform.database_url(database).starts_with("postgres:") {
        format!("'\\x{hex}'::bytea")
    } else {
        format!("x'{hex}'")
    }
}

/// How many letters alice has.
async fn told(platform: &Platform) -> usize {
    rows(platform, "/v1/notifications", "notifications").await.len()
}

/// What alice sees.
async fn seen(platform: &Platform) -> Vec<Value> {
    rows(platform, "/v1/mypage/bookings", "bookings").await
}

async fn rows(platform: &Platform, path: &str, name: &str) -> Vec<Value> {
    let alice = platform.buyer("alice");
    let answer = platform.http.get(path).token(&alice).send().await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.json);
    answer.json[name].as_array().unwrap().clone()
}
