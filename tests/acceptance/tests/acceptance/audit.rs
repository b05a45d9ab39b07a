//! The audit finds what is wrong: every check is shown a folder that violates it, and names it.

use std::path::Path;

use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::sqlx::{ConnectOptions, Executor};
use serde_json::json;
use testkit::{Platform, Shape};

use crate::world::{book, book_confirmed, register, tamper, until_status};

/// What is done to which database, and the check that must see it.
const DAMAGE: [(&str, &str, &str); 48] = [
    ("I1", "ticket", "UPDATE stock SET held = -1"),
    ("I2", "ticket", "UPDATE stock SET sold = sold + 1"),
    ("I2", "ticket", "DELETE FROM stock WHERE sold > 0"),
    ("I2b", "ticket", "UPDATE stock SET sold = sold + 1"),
    ("I2b", "ticket", "DELETE FROM stock WHERE sold > 0"),
    ("I2c", "ticket", "UPDATE hold_line SET quantity = quantity + 1"),
    ("I2c", "ticket", "DELETE FROM hold WHERE state = 'COMMITTED'"),
    ("I2d", "ticket", "UPDATE stock_entry SET kind = 'HOLD' WHERE kind = 'COMMIT'"),
    ("I2e", "ticket", "UPDATE stock_entry SET seq = -seq"),
    ("I3", "ticket", "UPDATE hold SET state = 'RELEASED' WHERE state = 'COMMITTED'"),
    ("I3b", "ticket", "UPDATE hold SET quantity = quantity + 1"),
    ("I3c", "booking", "UPDATE booking SET status = 'EXPIRED' WHERE status = 'CONFIRMED'"),
    ("I3d", "payment", "UPDATE payment SET amount_minor = amount_minor + 1"),
    (
        "I3e",
        "booking",
        "UPDATE booking SET status = 'AWAITING_PAYMENT', pay_by_us = 9000000000000000",
    ),
    ("I4", "booking", "UPDATE booking SET status = 'EXPIRED' WHERE status = 'CONFIRMED'"),
    ("I4b", "booking", "UPDATE booking SET status = 'REJECTED' WHERE status = 'CONFIRMED'"),
    (
        "I4b",
        "booking",
        "UPDATE booking SET status = 'AWAITING_PAYMENT', pay_by_us = 9000000000000000, \
         updated_at_us = 1 WHERE status = 'CONFIRMED'",
    ),
    ("I4c", "payment", "UPDATE refund SET amount_minor = amount_minor * 2"),
    ("I4d", "booking", "UPDATE booking SET cancel_fee_minor = total_minor + 1"),
    ("I5", "booking", "UPDATE booking SET status = 'PENDING', next_action_at_us = NULL"),
    ("I5b", "booking", "UPDATE booking SET status = 'AWAITING_PAYMENT', pay_by_us = 1"),
    (
        "I5c",
        "ticket",
        "UPDATE hold SET state = 'ACTIVE', pinned_since_us = NULL, expires_at_us = 1",
    ),
    (
        "I5d",
        "payment",
        "UPDATE payment SET status = 'UNKNOWN'; UPDATE settlement SET due_at_us = NULL",
    ),
    ("I5e", "booking", "UPDATE booking SET status = 'AWAITING_PAYMENT', next_action_at_us = NULL"),
    (
        "I5e",
        "booking",
        "UPDATE booking SET status = 'CANCELLING', money = 'SETTLED', stock = 'RETURNED', \
         next_action_at_us = 9000000000000000",
    ),
    ("I5f", "booking", "UPDATE booking SET stock = 'COMMIT_DUE' WHERE status = 'CONFIRMED'"),
    (
        "I5f",
        "booking",
        "UPDATE booking SET stock = 'COMMIT_DUE', next_action_at_us = 1 WHERE status = 'CONFIRMED'",
    ),
    (
        "I5f",
        "booking",
        "UPDATE booking SET status = 'EXPIRED', stock = 'RELEASE_DUE' WHERE status = 'CONFIRMED'",
    ),
    ("I5f", "booking", "UPDATE booking SET next_action_at_us = 1 WHERE status = 'CANCELLED'"),
    ("I6", "booking", "UPDATE reply SET body = NULL"),
    (
        "I7",
        "notification",
        "ALTER TABLE notification RENAME TO once; CREATE TABLE notification AS SELECT * FROM once \
         UNION ALL SELECT * FROM once",
    ),
    ("I8", "mypage", "UPDATE booking_view SET status = 'EXPIRED'"),
    ("I8b", "mypage", "UPDATE booking_view SET booking_id = 'nobody' WHERE status = 'CANCELLED'"),
    ("I9", "provider", "UPDATE charge SET amount_minor = amount_minor + 1"),
    ("I9b", "provider", "UPDATE charge SET outcome = 'DECLINED'"),
    ("I9c", "provider", "DELETE FROM refund"),
    (
        "I9c",
        "payment",
        "INSERT INTO operator_log (at_us, operator, command, subject_id, reason, outcome) \
         SELECT 1, 'kim', 'refunds settle', id, 'paid twice', 'SUCCEEDED' FROM refund",
    ),
    ("I9c", "payment", "UPDATE refund SET status = 'MANUAL_REVIEW'"),
    ("I10", "ticket", "UPDATE ticket SET status = 'RETIRED'"),
    ("I10b", "ticket", "UPDATE ticket SET status = 'RETIRING', updated_at_us = 1"),
    ("I11", "ticket", "UPDATE ticket SET max_per_buyer = 1"),
    ("I10c", "ticket", "UPDATE ticket SET status = 'RETIRED'"),
    ("I11b", "ticket", "UPDATE hold SET expires_at_us = 1 WHERE buyer_id = ''"),
    ("E1", "booking", "UPDATE outbox SET published_at_us = NULL"),
    ("E2", "booking", "DELETE FROM outbox WHERE version = 2"),
    ("E3", "notification", "DELETE FROM inbox"),
    ("L1", "ticket", "UPDATE outbox SET parked_at_us = 1"),
    (
        "L1",
        "mypage",
        "INSERT INTO dead_letter (consumer, event_id, event_type, source, aggregate_type, aggregate_id, version, \
         correlation_id, occurred_at_us, payload, reason, parked_at_us) \
         VALUES ('mypage.views', 'id', 'type', 'source', 'type', 'id', 1, 'id', 1, x'', 'reason', 1)",
    ),
];

/// The same for databases that know their constraints: each is done on top of those before.
const DAMAGE_ANYWHERE: [(&str, &str, &str); 9] = [
    ("I2", "ticket", "UPDATE stock SET sold = sold + 1"),
    ("I3", "ticket", "UPDATE hold SET state = 'RELEASED' WHERE state = 'COMMITTED'"),
    (
        "I3d",
        "payment",
        "UPDATE payment SET amount_minor = amount_minor + 1 WHERE status = 'APPROVED'",
    ),
    ("I6", "booking", "UPDATE reply SET body = NULL"),
    ("I8", "mypage", "UPDATE booking_view SET quantity = quantity + 1"),
    ("I9c", "provider", "DELETE FROM refund"),
    ("E1", "booking", "UPDATE outbox SET published_at_us = NULL"),
    ("E3", "notification", "DELETE FROM inbox"),
    ("L1", "payment", "UPDATE outbox SET parked_at_us = 1"),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_sees_damage_on_any_engine() {
    let mut platform = lively().await;
    platform.audit_is_clean().await;
    assert!(platform.terminate().await.success());
    for (check, database, damage) in DAMAGE_ANYWHERE {
        let (code, said) = platform.command(&["audit", "--grace-secs", "0"]).await;
        assert!(!names(&said, check), "{check} before {damage}: exit {code}\n{said}");
        tamper(&platform, database, damage).await;
        let (code, said) = platform.command(&["audit", "--grace-secs", "0"]).await;
        assert!(code == 1 && names(&said, check), "{check} after {damage}: exit {code}\n{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_check_of_the_audit_sees_its_violation() {
    if Shape::leaves_out(Shape::Embedded, "it damages copies of the files") {
        return;
    }
    let mut platform = lively().await;
    platform.audit_is_clean().await;
    assert!(platform.terminate().await.success());

    for (check, database, damage) in DAMAGE {
        let copy = tempfile::tempdir().unwrap();
        copy_databases(platform.data_dir(), copy.path());
        let file = copy.path().join(format!("{database}.db"));
        let damaged = SqliteConnectOptions::new().filename(&file).foreign_keys(false);
        let damaged = damaged.pragma("ignore_check_constraints", "ON");
        damaged.connect().await.unwrap().execute(damage).await.expect(check);
        let (code, said) = audit(copy.path()).await;
        assert!(code == 1 && names(&said, check), "{check} after {damage}: exit {code}\n{said}");
    }

    let empty = tempfile::tempdir().unwrap();
    let (code, said) = audit(empty.path()).await;
    assert!(code == 2 && said.contains("could not check"), "{code} {said}");
}

/// A platform with bookings that were confirmed, keyed, and cancelled.
async fn lively() -> Platform {
    let platform = Platform::start().await;
    let ticket = register(&platform, "Audited", 10).await;
    book_confirmed(&platform, "alice", &ticket, 2).await;
    let alice = platform.buyer("alice");
    let wish = json!({"ticketId": ticket, "quantity": 1, "paymentMethod": "ok"});
    let keyed =
        platform.http.post("/v1/bookings").token(&alice).key("k").json(wish).send().await.unwrap();
    assert_eq!(keyed.status, 201, "{}", keyed.json);
    let kept = json!({"quantity": 1, "note": "press"});
    let path = format!("/v1/tickets/{ticket}/houseHolds");
    let acme = platform.organizer("acme");
    let kept = platform.http.post(path).token(&acme).json(kept).send().await.unwrap();
    assert_eq!(kept.status, 201, "{}", kept.json);
    let gone = book(&platform, "bob", &ticket, 1, "ok").await.text("bookingId").to_owned();
    let bob = platform.buyer("bob");
    let cancel = format!("/v1/bookings/{gone}:cancel");
    platform.http.post(&cancel).token(&bob).json(json!({})).send().await.unwrap();
    until_status(&platform, "bob", &gone, "BOOKING_STATUS_CANCELLED").await;
    platform
}

fn names(said: &str, check: &str) -> bool {
    said.lines().any(|line| line.split_whitespace().next() == Some(check))
}

async fn audit(folder: &Path) -> (i32, String) {
    let folder = folder.to_str().unwrap();
    Platform::command_alone(&["audit", "--data-dir", folder, "--grace-secs", "0"]).await
}

fn copy_databases(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "db") {
            std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
}
