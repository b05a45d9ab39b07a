//! A ticket with many bookings is deleted, and the process killed midway.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt;
use serde_json::{Value, json};
use testkit::{Platform, Shape, eventually_within};

use crate::world::{book, register, until, until_available};

const CLIENTS: usize = 16;
/// On a busy machine one of sixteen that crowd a ticket can be the last again and again.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(240);
/// A thousand bookings are some twenty thousand commits, each on disk; a busy machine takes its time.
const CASCADE_ENDS_WITHIN: Duration = Duration::from_secs(300);

#[tokio::test(flavor = "multi_thread")]
async fn t12_r09_a_thousand_bookings_of_a_deleted_ticket_killed_midway() {
    let mut platform = Platform::start().await;
    let ticket = register(&platform, "Called off at large", 5_000).await;
    let (acme, buyer) = (platform.organizer("acme"), platform.buyer("regular"));
    let confirmed = AtomicUsize::new(0);
    let bookings = futures::stream::iter(0..how_many()).for_each_concurrent(CLIENTS, |_| async {
        let answer = book(&platform, "regular", &ticket, 1, "ok").await;
        assert_eq!(answer.status, 201, "{}", answer.json);
        // Many want one row: who waits too long for it is answered PENDING, and confirmed later.
        let path = format!("/v1/bookings/{}", answer.text("bookingId"));
        eventually_within(CONFIRMED_WITHIN, &path, || async {
            let booking = platform.http.get(&path).token(&buyer).send().await;
            let booking = booking.map_err(|error| error.to_string())?;
            let confirmed = booking.text("status") == "BOOKING_STATUS_CONFIRMED";
            if confirmed { Ok(()) } else { Err(booking.json.to_string()) }
        })
        .await;
        confirmed.fetch_add(1, Ordering::SeqCst);
    });
    bookings.await;
    assert_eq!(confirmed.into_inner(), how_many());

    let path = format!("/v1/tickets/{ticket}");
    let deleted = platform.http.delete(&path).token(&acme).send().await.unwrap();
    assert_eq!(deleted.text("status"), "TICKET_STATUS_RETIRING", "{}", deleted.json);
    let cancelled = "/v1/bookings?status=BOOKING_STATUS_CANCELLED&pageSize=10";
    until(&platform.http, cancelled, &buyer, |page| count(page) == 10).await;
    platform.kill9().await;
    platform.restart().await;

    let retired = || async {
        let answer = platform.http.get(&path).send().await.map_err(|error| error.to_string())?;
        let retired = answer.text("status") == "TICKET_STATUS_RETIRED";
        if retired { Ok(()) } else { Err(answer.json.to_string()) }
    };
    eventually_within(CASCADE_ENDS_WITHIN, "the ticket is retired", retired).await;
    for status in ["PENDING", "CONFIRMED", "CANCELLING"] {
        let open = format!("/v1/bookings?status=BOOKING_STATUS_{status}");
        until(&platform.http, &open, &buyer, |page| count(page) == 0).await;
    }
    until_available(&platform, &ticket, 5_000).await;
    let progress = format!("/v1/tickets/{ticket}/retirement");
    let told = until(&platform.http, &progress, &acme, |told| told["settled"] == true).await;
    let all = how_many().to_string();
    assert_eq!(told["cancelledBookings"], all.as_str(), "{told}");
    assert_eq!((&told["openBookings"], &told["stuckBookings"]), (&json!("0"), &json!("0")));
    let foreign = platform.organizer("globex");
    let foreign = platform.http.get(&progress).token(&foreign).send().await.unwrap();
    assert_eq!(foreign.reason(), "TICKET_NOT_FOUND", "{}", foreign.json);
    let denied = platform.http.get(&progress).token(&buyer).send().await.unwrap();
    assert_eq!(denied.status, 403, "{}", denied.json);
    let summary = format!("/v1/mypage/sales:summary?ticketId={ticket}");
    let all_back = |summary: &Value| {
        summary["cancelledBookings"] == all.as_str() && summary["totals"][0]["net"]["units"] == "0"
    };
    until(&platform.http, &summary, &acme, all_back).await;
    platform.audit_is_clean().await;
}

fn count(page: &Value) -> usize {
    page["bookings"].as_array().map_or(0, Vec::len)
}

/// Over servers, where each commit is slower, fewer show the same.
fn how_many() -> usize {
    if Shape::chosen() == Shape::Embedded { 1_000 } else { 200 }
}
