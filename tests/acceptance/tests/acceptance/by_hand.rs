//! What operators do about money that does not come back and bookings that do not move: listed, tried again, settled or
//! cancelled by hand, with a reason that is kept.

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use testkit::{Platform, eventually};

use crate::world::{book, register, tamper, told, until, until_status};

const STRANGER: &str = "01a1fd4a-5819-7000-8cc7-000000000002";

#[tokio::test(flavor = "multi_thread")]
async fn r12_a_refund_that_was_refused_too_often_is_asked_for_again_by_an_operator() {
    let platform = Platform::start().await;
    let (booking, refund) = stuck(&platform, "alice").await;
    // Nothing is wrong with the books: the money is known to be away, and a person is asked.
    platform.audit_is_clean().await;
    let listed = platform.command(&["refunds", "list"]).await;
    let first = format!("{refund}  MANUAL_REVIEW  ");
    let (code, said) = &listed;
    assert!(
        *code == 0 && said.starts_with(&first) && said.contains("the card is closed"),
        "{said}"
    );
    assert!(said.contains("55000 KRW") && said.ends_with("1 refunds are not back\n"), "{said}");

    let saga = saga(&platform, &booking).await;
    assert_eq!((&saga["status"], &saga["reason"]), (&json!("CANCELLING"), &json!("REFUND_STUCK")));
    assert_eq!(saga["stage"], "STUCK RETURNED");
    eventually("the booking goes on at once, unless a server is at work on it", async || {
        match by_hand(&platform, &["sagas", "retry", &booking]).await {
            (0, said) if said.contains("goes on at once") => Ok(()),
            (_, said) => Err(said),
        }
    })
    .await;
    let compensated = by_hand(&platform, &["sagas", "compensate", &booking]).await;
    assert!(
        compensated.0 == 1 && compensated.1.contains("being cancelled already"),
        "{compensated:?}"
    );

    for (words, code, why) in [
        (vec!["refunds", "retry", STRANGER], 1, "no refund has this id"),
        (vec!["refunds", "settle", STRANGER], 1, "no refund has this id"),
        (vec!["refunds", "retry"], 2, "REFUND_ID"),
        (vec!["refunds", "retry", "--all", &refund], 2, "--all"),
        (vec!["refunds", "settle", &refund, "--provider-ref", ""], 2, "1 to 255 characters"),
        (vec!["refunds", "settle", &refund, "--payment", "sqlite:/no/such"], 2, "does not exist"),
    ] {
        let (ended, said) = by_hand(&platform, &words).await;
        assert!(ended == code && said.contains(why), "{words:?}: {ended} {said}");
    }
    for words in [
        vec!["refunds", "retry", &refund, "--operator", "kim"],
        vec!["refunds", "retry", &refund, "--operator", "kim", "--reason", " "],
        vec!["refunds", "retry", &refund, "--operator", "", "--reason", "mended"],
        vec!["refunds", "retry", &refund, "--reason", "mended"],
    ] {
        let (code, said) = platform.command(&words).await;
        assert!(code == 2 && (said.contains("reason") || said.contains("operator")), "{said}");
    }

    tamper(&platform, "provider", "UPDATE charge SET payment_method = 'ok'").await;
    let retried = by_hand(&platform, &["refunds", "retry", &refund]).await;
    assert!(
        retried.0 == 0 && retried.1.contains("the provider will be asked again"),
        "{retried:?}"
    );
    until_status(&platform, "alice", &booking, "BOOKING_STATUS_CANCELLED").await;
    platform.audit_is_clean().await;
    let again = by_hand(&platform, &["refunds", "retry", &refund]).await;
    assert!(again.0 == 1 && again.1.contains("its money is back"), "{again:?}");
    let (code, said) = platform.command(&["refunds", "list"]).await;
    assert_eq!((code, said.as_str()), (0, "0 refunds are not back\n"));
    let (code, said) = platform.command(&["refunds", "list", "--log"]).await;
    let kept = format!("  kim  refunds retry  {refund}  REQUESTED  the provider was mended\n");
    assert!(code == 0 && said.ends_with(&kept) && said.lines().count() == 1, "{said}");
    let (code, said) = platform.command(&["sagas", "list", "--log", "--json"]).await;
    let entry: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (code, &entry["command"], &entry["id"]),
        (0, &json!("sagas retry"), &json!(booking))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn r12_a_refund_that_an_operator_has_made_ends_its_booking_as_the_providers_would() {
    let platform = Platform::start().await;
    let (booking, refund) = stuck(&platform, "alice").await;
    let words = ["refunds", "settle", &refund, "--provider-ref", "transfer 4711"];
    let settled = by_hand(&platform, &words).await;
    assert!(settled.0 == 0 && settled.1.contains("settled"), "{settled:?}");
    let row = until_status(&platform, "alice", &booking, "BOOKING_STATUS_CANCELLED").await;
    assert_eq!(row["refunded"]["units"], "55000");
    let alice = platform.buyer("alice");
    until(&platform.http, "/v1/mypage/bookings", &alice, |page| {
        page["bookings"][0]["status"] == "BOOKING_STATUS_CANCELLED"
            && page["bookings"][0]["refunded"]["units"] == "55000"
    })
    .await;
    until(&platform.http, "/v1/notifications", &alice, |inbox| {
        let told = told(inbox);
        told.iter().filter(|event| event.ends_with("RefundSucceeded")).count() == 1
    })
    .await;
    // The provider's ledger knows nothing of it; the operator's word stands for that.
    platform.audit_is_clean().await;
    let again = by_hand(&platform, &words).await;
    assert!(again.0 == 1 && again.1.contains("its money is back"), "{again:?}");

    // And if the provider gives it back after all, that is money twice.
    let twice = format!(
        "INSERT INTO refund (id, charge_id, amount_minor, currency, created_at_us) \
         SELECT '{refund}', id, amount_minor, currency, due_at_us FROM charge"
    );
    tamper(&platform, "provider", &twice).await;
    let (code, said) = platform.command(&["audit", "--grace-secs", "0"]).await;
    assert!(code == 1 && said.contains(&format!("I9c  {refund}")), "{code} {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn r19_a_booking_that_does_not_end_is_cancelled_by_an_operator() {
    let platform = Platform::start().await;
    let ticket = register(&platform, "Hanging", 10).await;
    let hanging = book(&platform, "alice", &ticket, 1, "hang").await;
    assert_eq!(hanging.text("status"), "BOOKING_STATUS_PENDING", "{}", hanging.json);
    let booking = hanging.text("bookingId").to_owned();
    assert_eq!(saga(&platform, &booking).await["status"], "PENDING");
    let old = platform.command(&["sagas", "list", "--older-than", "3600"]).await;
    assert_eq!(old, (0, "0 bookings are not at rest\n".to_owned()));

    let compensated = by_hand(&platform, &["sagas", "compensate", &booking]).await;
    assert!(compensated.0 == 0 && compensated.1.contains("is being cancelled"), "{compensated:?}");
    // It charges nothing any more, whatever becomes of the charge that hangs.
    let row = until_status(&platform, "alice", &booking, "BOOKING_STATUS_CANCELLED").await;
    assert_eq!(row["statusReason"], "OPERATOR_CANCELLED");
    platform.audit_is_clean().await;
    for (words, why) in [
        (["sagas", "compensate", booking.as_str()], "nothing to compensate: it is Cancelled"),
        (["sagas", "retry", &booking], "it is at rest: Cancelled"),
        (["sagas", "compensate", STRANGER], "no booking has this id"),
        (["sagas", "retry", STRANGER], "no booking has this id"),
    ] {
        let (code, said) = by_hand(&platform, &words).await;
        assert!(code == 1 && said.contains(why), "{words:?}: {code} {said}");
    }
    let all = by_hand(&platform, &["sagas", "retry", "--all"]).await;
    assert_eq!(all, (0, "0 bookings go on at once\n".to_owned()));
    let none = by_hand(&platform, &["refunds", "retry", "--all"]).await;
    assert_eq!(none, (0, "0 refunds will be asked for again\n".to_owned()));
}

/// A command with its operator's word.
async fn by_hand(platform: &Platform, words: &[&str]) -> (i32, String) {
    let word = ["--operator", "kim", "--reason", "the provider was mended"];
    platform.command(&[words, &word].concat()).await
}

/// A booking that is cancelled and whose refund the provider has refused too often, and that refund.
async fn stuck(platform: &Platform, buyer: &str) -> (String, String) {
    let ticket = register(platform, "Closed card", 10).await;
    let booked = book(platform, buyer, &ticket, 1, "refund_refused").await;
    assert_eq!(booked.text("status"), "BOOKING_STATUS_CONFIRMED", "{}", booked.json);
    let booking = booked.text("bookingId").to_owned();
    let (path, token) = (format!("/v1/bookings/{booking}"), platform.buyer(buyer));
    let cancel = platform.http.post(format!("{path}:cancel")).token(&token).json(json!({}));
    assert_eq!(cancel.send().await.unwrap().status, 200);
    let refund = eventually("the refund waits for an operator", async || {
        hasten(platform).await;
        let (code, said) = platform.command(&["refunds", "list", "--json"]).await;
        assert_eq!(code, 0, "{said}");
        let mut refunds = said.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let waits = |refund: &Value| refund["state"] == "MANUAL_REVIEW";
        let refund =
            refunds.find(|refund| refund["bookingId"] == booking.as_str() && waits(refund));
        refund.map(|refund| refund["refundId"].as_str().unwrap().to_owned()).ok_or(said)
    })
    .await;
    until(&platform.http, &path, &token, |row| row["statusReason"] == "REFUND_STUCK").await;
    (booking, refund)
}

/// Has a refund be refused once more only: the eight refusals are two minutes apart otherwise.
async fn hasten(platform: &Platform) {
    let often =
        "UPDATE refund SET tries = 7, refusals = 7 WHERE status = 'FAILED' AND refusals < 7";
    let connection = sea_orm::Database::connect(platform.database_url("payment")).await.unwrap();
    connection.execute_unprepared(often).await.unwrap();
    connection.close().await.unwrap();
}

/// A booking as the list of those that are not at rest shows it, once its stock is where it belongs.
async fn saga(platform: &Platform, booking: &str) -> Value {
    eventually("the booking is listed", async || {
        let (code, said) = platform.command(&["sagas", "list", "--json"]).await;
        assert_eq!(code, 0, "{said}");
        let mut sagas = said.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let saga = sagas.find(|saga| saga["bookingId"] == booking);
        saga.filter(|saga| saga["stage"] != "STUCK WAITING").ok_or(said)
    })
    .await
}
