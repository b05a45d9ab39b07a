//! Notification and my page stopped: bookings do not notice, and afterwards everything is told once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use faults::{Acknowledged, LoadPlan, Measured, Scene, all_rows, rounds, tell};
use testkit::{Shape, eventually_within};

const SUPPORTING: [&str; 2] = ["notification-1", "mypage-1"];
const BUYERS: usize = 10;
/// More than the buyers ever book.
const CAPACITY: u32 = 1_000_000;
/// Thousands of events, on a machine that may have other work.
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(240);
const TICKETS: usize = 10;
/// A median may be this much longer by the load of the machine alone.
const SLOWER_AT_MOST: u32 = 3;

#[tokio::test(flavor = "multi_thread")]
async fn n02_n07_bookings_do_without_notification_and_mypage_which_then_catch_up() {
    let mut scene = Scene::of(Shape::Postgres, 1).await;
    let mut tickets = Vec::new();
    for number in 0..TICKETS {
        tickets.push(scene.register(&format!("Unsupported {number}"), CAPACITY).await);
    }
    let load = scene.load(LoadPlan::on(tickets, BUYERS, &["ok", "ok", "declined"]));
    load.goes_on_for(BUYERS).await;
    let _warming_up = load.measured();

    let bookings = rounds(1_000, 100);
    load.goes_on_for(bookings).await;
    let with = load.measured();
    for server in SUPPORTING {
        let ended = scene.platform.server(server).terminate().await;
        assert!(ended.success(), "{server}: {ended}");
    }
    let _stopping = all_succeed("while they end", load.measured());
    load.goes_on_for(bookings).await;
    let without = all_succeed("without them", load.measured());
    let with = all_succeed("with them", with);
    assert!(without.median() <= with.median() * SLOWER_AT_MOST, "slower: {with}\n{without}");

    let acknowledged = load.stop().await;
    for server in SUPPORTING {
        scene.platform.server(server).restart().await;
    }
    let back = Instant::now();
    for buyer in 0..BUYERS {
        told_once(&scene, buyer, &acknowledged).await;
    }
    tell(&format!("every letter is there after {:.1?}", back.elapsed()));
    scene.all_is_well(&acknowledged).await;
}

fn all_succeed(when: &str, calls: Measured) -> Measured {
    tell(&format!("{when}: {calls}"));
    assert_eq!(calls.failures().count(), 0, "{when}: {calls}");
    calls
}

/// Whoever was told CONFIRMED has exactly one letter that says so, and nobody has a letter twice.
async fn told_once(scene: &Scene, buyer: usize, acknowledged: &BTreeMap<String, Acknowledged>) {
    let token = scene.buyer(buyer);
    let confirmed = "BOOKING_STATUS_CONFIRMED";
    let own = acknowledged.iter().filter(|(_, told)| told.buyer == buyer);
    let wanted: Vec<_> = own
        .filter(|(_, told)| told.status.as_deref() == Some(confirmed))
        .map(|(booking, _)| (booking.clone(), "BookingConfirmed".to_owned()))
        .collect();
    eventually_within(CAUGHT_UP_WITHIN, "a letter for each booking", || async {
        let mut letters = BTreeMap::<_, usize>::new();
        for row in all_rows(&scene.platform.http, &token, "notifications").await? {
            let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
            if text("recipientKind").ends_with("BUYER") {
                let (about, channel) = ((text("bookingId"), text("eventType")), text("channel"));
                *letters.entry((about, channel)).or_default() += 1;
            }
        }
        let twice = letters.iter().find(|(_, count)| **count > 1);
        assert!(twice.is_none(), "told twice: {twice:?}");
        let told = |about| letters.keys().any(|(letter, _)| letter == about);
        match wanted.iter().find(|&about| !told(about)) {
            None => Ok(()),
            Some(missing) => Err(format!("not told: {missing:?} among {}", letters.len())),
        }
    })
    .await;
}
