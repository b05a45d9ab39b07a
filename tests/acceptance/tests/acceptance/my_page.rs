//! My page in step with booking: reading one's own writes, and a rebuild of a damaged view beside the server.

use serde_json::{Value, json};
use testkit::{Platform, Shape};

use crate::world::{book, book_confirmed, register, tamper, until, until_status};

async fn get(platform: &Platform, buyer: &str, path: &str) -> (u16, Value) {
    let token = platform.buyer(buyer);
    let answer = platform.http.get(path).token(&token).send().await.unwrap();
    (answer.status.as_u16(), answer.json)
}

#[tokio::test(flavor = "multi_thread")]
async fn t08_a_buyer_reads_on_the_my_page_what_was_just_booked() {
    let platform = Platform::start().await;
    let ticket = register(&platform, "At once", 100).await;
    for _ in 0..20 {
        let booked = book(&platform, "alice", &ticket, 1, "ok").await;
        let (id, version) = (booked.text("bookingId"), booked.text("version"));
        assert!(version.parse::<i64>().unwrap() >= 2, "placed and confirmed: {}", booked.json);
        let path = format!("/v1/mypage/bookings/{id}?minVersion={version}");
        let (status, row) = get(&platform, "alice", &path).await;
        assert_eq!((status, &row["status"]), (200, &booked.json["status"]), "{row}");
        assert_eq!(row["version"], booked.json["version"]);
    }
    let booked = book(&platform, "alice", &ticket, 1, "ok").await;
    let path = format!("/v1/mypage/bookings/{}?minVersion=99", booked.text("bookingId"));
    let (status, refused) = get(&platform, "alice", &path).await;
    assert_eq!(status, 503, "{refused}");
    assert!(refused.to_string().contains("VIEW_BEHIND"), "{refused}");
}

/// Without the times of change: booking itself may know a later one than it has told.
fn undated((status, mut list): (u16, Value)) -> (u16, Value) {
    for booking in list["bookings"].as_array_mut().unwrap() {
        booking["updateTime"] = Value::Null;
    }
    (status, list)
}

#[tokio::test(flavor = "multi_thread")]
async fn i8_a_damaged_view_is_rebuilt_while_the_platform_runs() {
    let platform = Platform::start().await;
    let ticket = register(&platform, "Rebuilt", 100).await;
    let mut bookings = Vec::new();
    for _ in 0..6 {
        bookings.push(book_confirmed(&platform, "alice", &ticket, 1).await);
    }
    let declined = book(&platform, "alice", &ticket, 1, "declined").await;
    let gone = book_confirmed(&platform, "bob", &ticket, 1).await;
    let cancel = format!("/v1/bookings/{gone}:cancel");
    platform.http.post(&cancel).token(&platform.buyer("bob")).json(json!({})).send().await.unwrap();
    until_status(&platform, "bob", &gone, "BOOKING_STATUS_CANCELLED").await;
    platform.audit_is_clean().await;
    let lists = ["/v1/mypage/bookings", "/v1/mypage/bookings?status=BOOKING_STATUS_CONFIRMED"];
    let mut before = Vec::new();
    for (buyer, list) in [("alice", lists[0]), ("alice", lists[1]), ("bob", lists[0])] {
        before.push((buyer, list, get(&platform, buyer, list).await));
    }

    let (code, said) = platform.command(&["rebuild-view"]).await;
    assert!(code == 0 && said.contains("0 rows made, 0 replaced, 8 left, 0 removed"), "{said}");

    // Only a file lets itself be damaged against its constraints.
    let (nonsense, half) = match Shape::chosen() {
        Shape::Embedded => ("status = 'NONSENSE', gross_minor = -5", "payment_version = NULL"),
        Shape::Postgres | Shape::MariaDb | Shape::Mixed => ("quantity = 9", "payment_version = 9"),
    };
    for (booking, damage) in bookings.iter().zip([
        "DELETE FROM booking_view",
        "UPDATE booking_view SET status = 'EXPIRED'",
        "UPDATE booking_view SET total_minor = 1, booking_version = 1",
        &format!("UPDATE booking_view SET {nonsense}"),
        "UPDATE booking_view SET booking_version = 1000, buyer_id = 'mallory', change_number = 900",
        "UPDATE booking_view SET booking_id = 'nobody'",
    ]) {
        let damage = format!("{damage} WHERE booking_id = '{booking}'");
        tamper(&platform, "mypage", &damage).await;
    }
    let id = declined.text("bookingId");
    let damage = format!("UPDATE booking_view SET {half} WHERE booking_id = '{id}'");
    tamper(&platform, "mypage", &damage).await;

    let (code, said) = platform.command(&["rebuild-view"]).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("2 rows made, 5 replaced, 1 left, 1 removed"), "{said}");
    platform.audit_is_clean().await;
    for (buyer, list, answer) in before {
        let now = get(&platform, buyer, list).await;
        assert_eq!(undated(now), undated(answer), "{buyer} {list}");
    }
    let (code, said) = platform.command(&["rebuild-view"]).await;
    assert!(code == 0 && said.contains("0 rows made, 0 replaced, 8 left, 0 removed"), "{said}");

    // The platform goes on with the rebuilt rows.
    let first = &bookings[0];
    let cancel = format!("/v1/bookings/{first}:cancel");
    let alice = platform.buyer("alice");
    platform.http.post(&cancel).token(&alice).json(json!({})).send().await.unwrap();
    let path = format!("/v1/mypage/bookings/{first}");
    until(&platform.http, &path, &alice, |row| row["status"] == "BOOKING_STATUS_CANCELLED").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_of_what_is_not_there_says_what() {
    let empty = tempfile::tempdir().unwrap();
    let folder = empty.path().to_str().unwrap();
    let (code, said) = Platform::command_alone(&["rebuild-view", "--data-dir", folder]).await;
    assert!(code != 0 && said.contains("booking.db does not exist"), "{code} {said}");
    assert!(!empty.path().join("booking.db").exists(), "nothing was made");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_booking_is_named_and_keeps_no_other_from_its_buyer() {
    let platform = Platform::start().await;
    let ticket = register(&platform, "Corrupt", 100).await;
    let mut bookings = Vec::new();
    for _ in 0..3 {
        bookings.push(book_confirmed(&platform, "alice", &ticket, 1).await);
    }
    platform.audit_is_clean().await;
    let corrupt = &bookings[0];
    let damage = format!("UPDATE booking SET currency = '???' WHERE id = '{corrupt}'");
    tamper(&platform, "booking", &damage).await;
    let damage = format!("DELETE FROM booking_view WHERE booking_id = '{}'", bookings[2]);
    tamper(&platform, "mypage", &damage).await;

    let (code, said) = platform.command(&["rebuild-view"]).await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("1 rows made, 0 replaced, 1 left, 0 removed"), "{said}");
    assert!(said.contains(&format!("booking {corrupt} cannot be read")), "{said}");
    for list in ["/v1/mypage/bookings", "/v1/bookings"] {
        let (status, page) = get(&platform, "alice", list).await;
        let whole = page["bookings"].as_array().map(Vec::len);
        let all_there = if list == "/v1/bookings" { 2 } else { 3 };
        assert_eq!((status, whole), (200, Some(all_there)), "{list}: {page}");
    }
}
