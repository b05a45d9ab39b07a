//! The booking context's two processes over neighbours and a network that lose, repeat and delay, and a
//! server that is killed at any step. Whatever happens, money, stock and booking agree at rest.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "a test that cannot set up its scene has failed"
)]

mod charges;
mod keys;
mod neighbours;
mod pay_first;
mod stepped;
mod world;

use std::time::Duration;

use booking::{BookingStatus, CancelPolicy, GetBookingError, ListBookings};
use futures::FutureExt;
use kernel::{Answered, Caller, Fault, PageSize, Percent, Role, TimeZoneName};
use neighbours::won;
use rand::Rng;
use stepped::Fuse;
use world::{Act, Scene, alice, all_of, create, key};

/// The happy path of each process; a new process gets the whole scaffold by one more line.
const PROCESSES: [(&str, &[Act], BookingStatus); 14] = [
    ("checkout", &[Act::Create("ok")], BookingStatus::Confirmed),
    ("slow payment", &[Act::Create("slow")], BookingStatus::Confirmed),
    ("pay later", &[Act::Create("declined"), Act::Pay("ok")], BookingStatus::Confirmed),
    ("cancel", &[Act::Create("ok"), Act::Cancel], BookingStatus::Cancelled),
    ("retirement", &[Act::Create("ok"), Act::DeleteTicket], BookingStatus::Cancelled),
    ("expiry", &[Act::Create("declined"), Act::Wait], BookingStatus::Expired),
    ("pay first", &[Act::PayFirst("ok")], BookingStatus::Confirmed),
    ("pay first, late", &[Act::PayFirst("declined"), Act::Pay("ok")], BookingStatus::Confirmed),
    ("pay first, cancel", &[Act::PayFirst("slow"), Act::Cancel], BookingStatus::Cancelled),
    ("pay first, sold out", &[Act::SellOut, Act::PayFirst("ok")], BookingStatus::Rejected),
    ("pay first, no stock left", &[Act::PayFirst("beaten")], BookingStatus::Cancelled),
    (
        "pay first, sold out later",
        &[Act::PayFirst("declined"), Act::SellOut, Act::Pay("ok")],
        BookingStatus::Rejected,
    ),
    (
        "pay first, deleted",
        &[Act::PayFirst("declined"), Act::DeleteTicket],
        BookingStatus::Cancelled,
    ),
    ("pay first, expiry", &[Act::PayFirst("declined"), Act::Wait], BookingStatus::Expired),
];

const SEEDS: u64 = 40;

#[test]
fn every_process_ends_as_it_should_when_nothing_goes_wrong() {
    for (name, acts, end) in PROCESSES {
        let scene = Scene::new(1);
        for act in acts {
            assert!(scene.act(*act).is_some_and(|said| said.is_ok()), "{name}: {act:?}");
            scene.come_to_rest();
            scene.check(name);
        }
        assert_eq!(scene.status(), Some(end), "{name}");
    }
}

/// The scaffold: crash after each prefix of each process, resume from the tables with asks answered
/// twice, late or not at all and events shuffled and repeated, maybe crash again, then check.
#[test]
fn i3_i4_i5_i6_every_step_may_be_the_last() {
    for (name, acts, _) in PROCESSES {
        for seed in 0..SEEDS {
            for step in 1..=steps_of(acts) {
                crash_at(name, acts, seed, step);
            }
        }
    }
}

/// Steps of a process when all goes well.
fn steps_of(acts: &[Act]) -> u32 {
    let scene = Scene::new(0);
    scene.fuse.set(Fuse::NEVER);
    for act in acts {
        let _ = scene.act(*act);
        scene.come_to_rest();
    }
    scene.fuse.taken()
}

fn crash_at(name: &str, acts: &[Act], seed: u64, step: u32) {
    let scene = Scene::new(seed);
    scene.neighbours.world().faults = !seed.is_multiple_of(4);
    scene.fuse.set(step);
    let story = format!("{name}, killed at step {step}");
    for act in acts {
        // Sometimes people are quicker than the server.
        let hurry = scene.neighbours.world().rng.random_bool(0.3);
        if scene.act(*act).is_none() {
            let again = scene.neighbours.world().rng.random_range(0..30);
            scene.fuse.set(again);
        }
        if !hurry {
            scene.come_to_rest();
        }
    }
    scene.come_to_rest();
    scene.fuse.set(Fuse::NEVER);
    scene.check(&story);
    // What awaits payment still has its timer.
    let _ = scene.act(Act::Wait);
    scene.come_to_rest();
    scene.check(&story);
    assert_ne!(scene.status(), Some(BookingStatus::AwaitingPayment), "{story}, seed {seed}");
}

#[test]
fn n01_random_people_on_a_bad_network_never_get_a_booking_without_a_payment() {
    let acts = [
        Act::Create("ok"),
        Act::Create("declined"),
        Act::Create("slow"),
        Act::PayFirst("ok"),
        Act::PayFirst("declined"),
        Act::Pay("ok"),
        Act::Pay("declined"),
        Act::Pay("slow"),
        Act::Cancel,
        Act::Wait,
        Act::DeleteTicket,
    ];
    for seed in 0..400 {
        let scene = Scene::new(seed);
        scene.neighbours.world().faults = true;
        scene.neighbours.world().capacity = [3, 6, 10][seed as usize % 3];
        let mut story = Vec::new();
        for _ in 0..8 {
            let (act, fuse, rest) = {
                let rng = &mut scene.neighbours.world().rng;
                let act = acts[rng.random_range(0..acts.len())];
                (act, rng.random_range(0..25), rng.random_bool(0.5))
            };
            story.push(act);
            scene.fuse.set(fuse);
            let _ = match act {
                // No key: each is a booking of its own, and the sixth finds no stock.
                Act::Create(method) | Act::PayFirst(method) => {
                    scene.neighbours.world().pay_first = matches!(act, Act::PayFirst(_));
                    scene.create_with(method, None)
                }
                Act::SellOut | Act::Pay(_) | Act::Cancel | Act::Wait | Act::DeleteTicket => {
                    scene.act(act)
                }
            };
            scene.fuse.set(Fuse::NEVER);
            if rest {
                scene.come_to_rest();
            }
        }
        scene.come_to_rest();
        scene.check(&format!("{story:?}"));
    }
}

#[test]
fn t04_t05_the_happy_path_is_two_commits_before_the_answer() {
    let scene = Scene::new(1);
    assert_eq!(scene.act(Act::Create("ok")), Some(Ok(BookingStatus::Confirmed)));
    assert_eq!(scene.store.inner.commits(), 2);
    scene.come_to_rest();
    assert_eq!(scene.store.inner.commits(), 3, "the sale of the hold follows");
}

#[test]
fn r01_a_price_that_is_not_the_tickets_books_nothing() {
    let scene = Scene::new(1);
    let wrong = booking::CreateBooking { expected_total: Some(won(2_999)), ..create("ok") };
    let refused = scene.bookings.create_booking(&alice(), wrong, Some(key("k"))).now_or_never();
    let refused = refused.unwrap().unwrap_err();
    assert_eq!(refused.reason(), "PRICE_MISMATCH");
    assert!(refused.metadata().contains(&("total_units", "3000".to_owned())));
    assert_eq!(scene.store.inner.commits(), 0);
    assert_eq!(scene.act(Act::Create("ok")), Some(Ok(BookingStatus::Confirmed)), "the key is free");
}

#[test]
fn r01_a_price_that_only_the_hold_knows_is_the_holds() {
    // A seat costs 1,700, whatever the ticket's own price is.
    for expected in [None, Some(5_100)] {
        let scene = Scene::new(20);
        let wish = booking::CreateBooking { expected_total: expected.map(won), ..create("ok") };
        let begun = scene.bookings.create_booking(&alice(), wish, None).now_or_never().unwrap();
        let Ok(Answered::Fresh(begun)) = begun else { panic!("not begun") };
        let placed = begun.booking.total;
        assert_eq!(placed, won(expected.unwrap_or(0)), "no price is told that nobody said");
        let booked = scene.bookings.drive(begun).now_or_never().unwrap().unwrap().booking;
        assert_eq!((booked.status(), booked.total), (BookingStatus::Confirmed, won(5_100)));
        assert_eq!(booked.booked.seats(), ["S1", "S2", "S3"]);
        scene.come_to_rest();
        scene.check("a price of its own");
    }
}

#[test]
fn what_only_the_hold_finds_sold_out_is_a_rejected_booking_and_the_keys_answer() {
    let scene = Scene::new(1);
    for _ in 0..3 {
        assert_eq!(scene.create_with("ok", None), Some(Ok(BookingStatus::Confirmed)));
    }
    let said = scene.create_with("ok", Some(key("late")));
    assert_eq!(said, Some(Ok(BookingStatus::Rejected)));
    assert_eq!(scene.create_with("ok", Some(key("late"))), Some(Err("REPLAYED")));
    scene.come_to_rest();
    scene.check("sold out");
}

#[test]
fn i6_a_key_is_in_use_until_its_booking_is_decided() {
    let scene = Scene::new(1);
    assert_eq!(scene.act(Act::Create("slow")), Some(Ok(BookingStatus::Pending)));
    assert_eq!(scene.act(Act::Create("slow")), Some(Err("IDEMPOTENCY_KEY_IN_USE")));
    let other = kernel::ReplyKey { fingerprint: vec![9], ..key("k") };
    assert_eq!(scene.create_with("ok", Some(other)), Some(Err("IDEMPOTENCY_KEY_REUSED")));
    scene.come_to_rest();
    assert_eq!(scene.act(Act::Create("slow")), Some(Err("REPLAYED")));
    scene.check("slow");
}

#[test]
fn i6_a_key_cut_short_by_a_cancel_with_its_own_key_is_answered_by_the_end() {
    for silent in [false, true] {
        let scene = Scene::new(1);
        scene.neighbours.world().silent = silent;
        let _ = scene.act(Act::Create("slow"));
        let id = scene.first().unwrap().booking.id;
        let cancel =
            |key| scene.bookings.cancel_booking(&alice(), all_of(id), key).now_or_never().unwrap();
        assert!(matches!(cancel(Some(key("c"))), Ok(Answered::Fresh(_))));
        assert!(matches!(cancel(Some(key("c"))), Ok(Answered::Replayed(_))));
        scene.come_to_rest();
        assert_eq!(scene.status(), Some(BookingStatus::Cancelled));
        scene.check("cut short");
    }
}

#[test]
fn r06_while_an_attempt_is_live_no_other_begins() {
    let scene = Scene::new(1);
    let _ = scene.act(Act::Create("declined"));
    scene.come_to_rest();
    assert_eq!(scene.act(Act::Pay("slow")), Some(Ok(BookingStatus::Pending)));
    for _ in 0..50 {
        assert_eq!(scene.act(Act::Pay("ok")), Some(Ok(BookingStatus::Pending)));
    }
    scene.come_to_rest();
    assert_eq!(scene.act(Act::Pay("ok")), Some(Err("NOT_PAYABLE")));
    scene.check("two tabs");
}

#[test]
fn t09_r13_a_second_cancel_is_the_first_ones_result_and_ends_that_refuse_it() {
    let scene = Scene::new(1);
    let _ = scene.act(Act::Create("ok"));
    assert_eq!(scene.act(Act::Cancel), Some(Ok(BookingStatus::Cancelling)));
    assert_eq!(scene.act(Act::Cancel), Some(Ok(BookingStatus::Cancelling)));
    scene.come_to_rest();
    assert_eq!(scene.act(Act::Cancel), Some(Ok(BookingStatus::Cancelled)));
    scene.check("cancelled twice");
    let expired = Scene::new(2);
    let _ = expired.act(Act::Create("declined"));
    let _ = expired.act(Act::Wait);
    expired.come_to_rest();
    assert_eq!(expired.act(Act::Cancel), Some(Err("NOT_CANCELLABLE")));
}

/// The message that the ticket was deleted has not come yet.
#[test]
fn t09_t10_who_cancels_what_is_deleted_already_pays_no_fee() {
    for (is_deleted, fee_minor) in [(false, 1_500), (true, 0)] {
        let scene = Scene::new(1);
        scene.neighbours.world().cancel_policy = Some(CancelPolicy {
            free_before: None,
            fee_percent: Percent::new(50).unwrap(),
            closed_before: None,
            starts_at: None,
            time_zone: TimeZoneName::new("Asia/Seoul").unwrap(),
        });
        let _ = scene.act(Act::Create("ok"));
        scene.neighbours.world().retiring = is_deleted;
        assert_eq!(scene.act(Act::Cancel), Some(Ok(BookingStatus::Cancelling)));
        assert_eq!(scene.first().unwrap().booking.cancel_fee.minor(), fee_minor);
    }
}

#[test]
fn t09_somebody_elses_booking_does_not_exist() {
    let scene = Scene::new(1);
    let _ = scene.act(Act::Create("ok"));
    let id = scene.first().unwrap().booking.id;
    let bob = Caller { subject: Some("bob".into()), ..alice() };
    let found = scene.bookings.get_booking(&bob, id).now_or_never().unwrap();
    assert_eq!(found, Err(GetBookingError::NotFound));
    let cancel = scene.bookings.cancel_booking(&bob, all_of(id), None).now_or_never().unwrap();
    assert_eq!(cancel.unwrap_err().reason(), "BOOKING_NOT_FOUND");
    let query = || ListBookings {
        ticket_id: None,
        status: None,
        page_size: PageSize::new(0).unwrap(),
        after: None,
    };
    let of = |caller: &Caller| {
        let page = scene.bookings.list_bookings(caller, query()).now_or_never().unwrap();
        page.unwrap().bookings.len()
    };
    assert_eq!((of(&alice()), of(&bob)), (1, 0));
    let organizer = Caller { roles: vec![Role::Organizer], ..alice() };
    let denied = scene.bookings.list_bookings(&organizer, query()).now_or_never().unwrap();
    assert_eq!(denied.unwrap_err().reason(), "PERMISSION_DENIED");
}

#[test]
fn r20_a_booking_that_is_driven_is_nobody_elses() {
    let scene = Scene::new(1);
    let begun = scene.bookings.create_booking(&alice(), create("ok"), None).now_or_never();
    let Ok(Answered::Fresh(begun)) = begun.unwrap() else { panic!("not begun") };
    let sweep = |scene: &Scene| scene.bookings.sweep(50).now_or_never().unwrap().unwrap().claimed;
    assert_eq!(sweep(&scene), 0, "the request has the lease");
    scene.clock.advance(booking::LEASE + Duration::from_millis(1));
    assert_eq!(sweep(&scene), 1, "it was lost");
    // The zombie wakes: its commit is stale, and what it asked was asked before.
    let zombie = scene.bookings.drive(begun).now_or_never().unwrap().unwrap().booking;
    assert_eq!(zombie.status(), BookingStatus::Confirmed);
    scene.come_to_rest();
    scene.check("a zombie");
}

#[test]
fn t12_a_thousand_bookings_of_a_deleted_ticket_are_cancelled_wherever_it_is_killed() {
    for step in [7, 900, Fuse::NEVER] {
        let scene = Scene::new(u64::from(step));
        scene.neighbours.world().capacity = 3_000;
        for _ in 0..1_000 {
            assert_eq!(scene.create_with("ok", None), Some(Ok(BookingStatus::Confirmed)));
        }
        scene.come_to_rest();
        assert_eq!(scene.neighbours.world().taken(), 3_000);
        scene.fuse.set(step);
        let done = scene.act(Act::DeleteTicket);
        assert_eq!(done.is_none(), step != Fuse::NEVER);
        scene.fuse.set(Fuse::NEVER);
        assert!(scene.act(Act::DeleteTicket).is_some(), "it comes again");
        scene.come_to_rest();
        scene.check("retirement");
        assert_eq!(scene.neighbours.world().taken(), 0, "the stock is whole");
        let ended = scene.store.inner.all();
        assert_eq!(ended.len(), 1_000);
        for stored in ended {
            assert_eq!(stored.booking.status(), BookingStatus::Cancelled);
            assert_eq!(stored.booking.status_reason(), "TICKET_DELETED");
        }
    }
}

#[test]
fn t12_a_corrupt_booking_of_a_deleted_ticket_does_not_keep_the_others() {
    let scene = Scene::new(1);
    for _ in 0..3 {
        assert!(scene.create_with("ok", None).is_some_and(|said| said.is_ok()));
    }
    scene.come_to_rest();
    let corrupt = scene.first().map(|stored| stored.booking.id);
    *scene.store.corrupt.lock().unwrap() = corrupt;
    assert_eq!(scene.act(Act::DeleteTicket), Some(Err("")), "the message comes again");
    scene.come_to_rest();
    for stored in scene.store.inner.all() {
        let cancelled = stored.booking.status() == BookingStatus::Cancelled;
        assert_eq!(cancelled, Some(stored.booking.id) != corrupt, "{:?}", stored.booking);
    }
    *scene.store.corrupt.lock().unwrap() = None;
    assert!(scene.act(Act::DeleteTicket).is_some_and(|said| said.is_ok()), "the row was mended");
    scene.come_to_rest();
    scene.check("a corrupt booking");
    assert_eq!(scene.neighbours.world().taken(), 0, "the stock is whole");
}
