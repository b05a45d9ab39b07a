//! `boxoffice audit --repair`: counters, ledger and holds are each broken by hand; it says which stands alone, sets
//! counters where ledger and holds agree, and leaves everything else alone, beside servers at work.

use serde_json::{Value, json};
use testkit::Platform;

use crate::world::{book_confirmed, register, tamper};

/// One way to break the accounts of a slot of ten units, of which alice has 2 and bob has 1.
struct Breakage {
    done: &'static [&'static str],
    /// Which account stands alone.
    alone: Value,
    /// What an operator reads where it is not repaired.
    refused: &'static str,
    undone: &'static [&'static str],
}

const MORE_LEDGER: &str = "UPDATE stock_entry SET d_held = d_held + 1 WHERE kind = 'HOLD'";
const LESS_LEDGER: &str = "UPDATE stock_entry SET d_held = d_held - 1 WHERE kind = 'HOLD'";
const MORE_HOLDS: &str = "UPDATE hold_line SET quantity = quantity + 1";
const LESS_HOLDS: &str = "UPDATE hold_line SET quantity = quantity - 1";
const SWAPPED_HOLDS: &str = "UPDATE hold_line SET quantity = 3 - quantity";
const MORE_COUNTED: &str = "UPDATE stock SET held = held + 1";
const LESS_COUNTED: &str = "UPDATE stock SET held = held - 1";

fn what_is_not_repaired() -> [Breakage; 5] {
    [
        Breakage {
            done: &[MORE_LEDGER],
            alone: json!("ledger"),
            refused: "entries were lost, changed or added",
            undone: &[LESS_LEDGER],
        },
        Breakage {
            done: &[MORE_HOLDS],
            alone: json!("holds"),
            refused: "rows of holds were lost or changed",
            undone: &[LESS_HOLDS],
        },
        Breakage {
            done: &[MORE_HOLDS, MORE_COUNTED],
            alone: Value::Null,
            refused: "no two of counters, ledger and holds agree",
            undone: &[LESS_HOLDS, LESS_COUNTED],
        },
        Breakage {
            done: &[SWAPPED_HOLDS],
            alone: Value::Null,
            refused: "2 of its holds differ from their entries, though the sums agree",
            undone: &[SWAPPED_HOLDS],
        },
        Breakage {
            done: &["UPDATE stock SET held = 0, sold = 0, capacity = 1"],
            alone: json!("counters"),
            refused: "raise the capacity or cancel bookings",
            // Nothing was sold twice; the counters are repaired once it fits.
            undone: &["UPDATE stock SET capacity = 10"],
        },
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn i2_counters_are_set_to_what_ledger_and_holds_agree_on() {
    let platform = sold().await;
    tamper(&platform, "ticket", "UPDATE stock SET sold = 0, held = 7").await;
    let proposed = slot(&platform, &[]).await;
    assert_eq!(proposed["standsAlone"], "counters", "{proposed}");
    assert_eq!(proposed["counters"], json!({"held": 7, "sold": 0}), "{proposed}");
    assert_eq!(proposed["repair"]["outcome"], "proposed", "{proposed}");
    assert_eq!(proposed["repair"]["counters"], proposed["ledger"], "{proposed}");
    assert!(!proposed["lastEntries"].as_array().unwrap().is_empty(), "{proposed}");
    let (code, said) = audit(&platform, &["--repair"]).await;
    let explained =
        ["two agree against the counters", "7 held 0 sold  of 10", "run it with --apply"];
    assert!(code == 1 && explained.iter().all(|words| said.contains(words)), "{code} {said}");

    // Nothing was changed yet: it is found again.
    let repaired = slot(&platform, &["--apply"]).await;
    assert_eq!(repaired["repair"]["outcome"], "repaired", "{repaired}");
    assert_eq!(repaired["repair"]["before"], json!({"held": 7, "sold": 0}), "{repaired}");
    platform.audit_is_clean().await;
    let (code, said) = audit(&platform, &["--repair", "--apply"]).await;
    assert!(code == 0 && said.starts_with("clean"), "{code} {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn i2_what_ledger_and_holds_do_not_agree_on_is_left_alone() {
    let platform = sold().await;
    for Breakage { done, alone, refused, undone } in what_is_not_repaired() {
        for damage in done {
            tamper(&platform, "ticket", damage).await;
        }
        let before = slot(&platform, &[]).await;
        assert_eq!(before["standsAlone"], alone, "{done:?}: {before}");
        let applied = slot(&platform, &["--apply"]).await;
        assert_eq!(applied["repair"]["outcome"], "refused", "{done:?}: {applied}");
        assert!(applied["repair"]["reason"].as_str().unwrap().contains(refused), "{applied}");
        let after = slot(&platform, &[]).await;
        assert_eq!(after["counters"], before["counters"], "{done:?}: {after}");
        let named = after["apart"].as_array().unwrap().len();
        assert_eq!(after["holdsApart"], named, "{done:?}: {after}");
        let (code, said) = audit(&platform, &["--repair"]).await;
        assert!(code == 1 && said.contains(refused), "{done:?}: {code} {said}");
        for repair in undone {
            tamper(&platform, "ticket", repair).await;
        }
        if alone == "counters" {
            let repaired = slot(&platform, &["--apply"]).await;
            assert_eq!(repaired["repair"]["outcome"], "repaired", "{repaired}");
        }
        platform.audit_is_clean().await;
    }
}

/// A platform that has sold three of ten units to two buyers, and where nothing is under way.
async fn sold() -> Platform {
    let platform = Platform::start().await;
    let ticket = register(&platform, "Explained", 10).await;
    book_confirmed(&platform, "alice", &ticket, 2).await;
    book_confirmed(&platform, "bob", &ticket, 1).await;
    platform.audit_is_clean().await;
    platform
}

/// The one slot that is explained.
async fn slot(platform: &Platform, more: &[&str]) -> Value {
    let (code, said) = audit(platform, &[&["--repair", "--json"], more].concat()).await;
    assert_eq!(code, 1, "{said}");
    let told: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(told["clean"], false, "{told}");
    let slots = told["slots"].as_array().unwrap();
    assert_eq!(slots.len(), 1, "{told}");
    assert_eq!(slots[0]["slot"], "admission", "{told}");
    slots[0].clone()
}

async fn audit(platform: &Platform, words: &[&str]) -> (i32, String) {
    platform.command(&[&["audit", "--grace-secs", "0"], words].concat()).await
}
