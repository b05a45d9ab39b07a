//! The booking store's contract, over every implementation.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot set up its scene has failed"
)]

mod by_operator;
mod newer;
mod scene;

use std::collections::BTreeSet;
use std::time::Duration;

use booking::{
    Booked, BookedFields, Booking, BookingChange, BookingFilter, BookingStatus, CancelReason,
    CancelTerms, MoneyBack, PAYMENT_METHOD_CHARS_MAX, Reduction, RejectReason, Release,
    RetirementProgress, SEAT_CHARS_MAX, SEATS_MAX, State, StockBack, Timer, Wake,
};
use by_operator::{
    an_operators_word_is_kept_with_the_change_or_not_at_all,
    open_bookings_are_listed_the_longest_unmoved_first,
};
use futures::future::join_all;
use kernel::{
    BookingId, BuyerId, CivilDate, Clock, Committed, Cursor, EventId, KeyedReply, Percent,
    ReplyChange, StoreError, TicketId,
};
use newer::a_stage_of_a_newer_version_is_left_for_it;
use scene::{
    LONG, Scene, SystemClock, at, cause, commit, commit_of, id, key, lease, memory, message, over,
    paid_with, placed, rows, states, won,
};

contract::over_every_store!(
    every_state_round_trips,
    a01_whatever_is_booked_round_trips,
    a_stale_commit_leaves_nothing,
    of_ten_racers_one_wins,
    r29_the_same_cause_twice_is_one_commit,
    r29_of_ten_racers_with_one_cause_one_wins,
    i6_of_ten_racers_with_one_key_one_begins,
    i6_a_key_begins_is_in_use_and_completes_once,
    i6_an_answer_without_a_booking_takes_its_key,
    i6_of_ten_racers_with_and_without_a_booking_one_has_the_key,
    ids_and_keys_are_compared_by_every_letter,
    the_longest_texts_fit,
    a_taken_key_leaves_nothing,
    r20_due_bookings_go_to_one_owner,
    a_timer_is_due_when_it_says,
    r04_who_took_a_booking_over_cannot_be_overruled,
    a_lease_is_renewed_by_its_owner_only,
    pages_are_newest_first_and_show_nobody_elses,
    t12_open_bookings_of_a_ticket_are_found_while_they_are_cancelled,
    r18_a_parked_message_counts_as_handled,
    an_operators_word_is_kept_with_the_change_or_not_at_all;
    open_bookings_are_listed_the_longest_unmoved_first,
    t12_a_corrupt_booking_hides_no_other,
    a_stage_of_a_newer_version_is_left_for_it,
    the_tables_check_what_a_row_can_state,
);

async fn every_state_round_trips(scene: &Scene) {
    for (n, state) in (1..).zip(states()) {
        let payment_id = paid_with(&state);
        let cancel_terms = CancelTerms {
            free_until: Some(at(-1)),
            fee_percent: Percent::new(100).unwrap(),
            not_after: (n % 2 == 0).then_some(at(i64::MAX)),
        };
        let (money, stock) = (MoneyBack::Waiting, StockBack::Returned);
        let part = Reduction { refund_due: won(9), money, stock };
        let reduction = (n % 2 == 0).then_some(part);
        let stock_refusal = matches!(state, State::Cancelling { .. } | State::Cancelled { .. })
            .then(|| RejectReason::SoldOut.into());
        let booking = Booking {
            state,
            payment_id,
            stock_refusal,
            attempt: 4,
            refunded: won(7),
            cancel_terms,
            cancel_fee: won(3),
            reduction,
            ..placed(n)
        };
        let written = commit(scene, commit_of(booking)).await;
        let read = scene.store.find(written.id).await.unwrap().unwrap();
        assert_eq!(read.booking, written);
        assert_eq!((read.process.tries, read.process.lease_owner), (0, None));
    }
    assert_eq!(scene.store.find(BookingId::new(id(999_999))).await.unwrap(), None);
}

async fn a01_whatever_is_booked_round_trips(scene: &Scene) {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let longest = |n: usize| format!("{n:>04}{}", "\u{1f3b9}".repeat(SEAT_CHARS_MAX - 4));
    let seats = |seats| BookedFields { seats, ..BookedFields::default() };
    let stay = |from: (i32, i32, i32), until: (i32, i32, i32)| BookedFields {
        quantity: 2,
        seats: Vec::new(),
        check_in: Some(CivilDate::new(from.0, from.1, from.2)),
        check_out: Some(CivilDate::new(until.0, until.1, until.2)),
    };
    for (n, fields) in (1..).zip([
        BookedFields { quantity: 10_000, ..BookedFields::default() },
        seats(names(&["Parkett/2-8", "B 'x' \"y\" \\", "가1"])),
        seats((0..SEATS_MAX).map(longest).collect()),
        stay((2024, 12, 30), (2025, 1, 2)),
        stay((2028, 2, 29), (2028, 3, 1)),
        stay((1, 1, 1), (1, 1, 2)),
        stay((9998, 12, 31), (9999, 12, 31)),
    ]) {
        // What was asked for, and then what its hold says.
        let placed = commit(scene, commit_of(placed(n))).await;
        let booked = Booked::read(fields).unwrap();
        let written = commit(scene, commit_of(Booking { booked, ..placed })).await;
        let read = scene.store.find(written.id).await.unwrap().unwrap();
        assert_eq!(read.booking, written);
        let listed = scene.store.list(&of_alice(), None, 99).await.unwrap();
        assert!(listed.contains(&written), "{:?}", written.booked);
    }
}

async fn a_stale_commit_leaves_nothing(scene: &Scene) {
    let first = commit(scene, commit_of(placed(1))).await;
    let key = key("k", 1);
    for mut stale in [commit_of(placed(1)), commit_of(Booking { revision: 7, ..first.clone() })] {
        stale.events[0].id = EventId::new(id(4_711));
        stale.caused_by = Some(cause(5));
        stale.reply = ReplyChange::Record { key: key.clone(), body: vec![1] };
        assert_eq!(scene.store.commit(stale).await.unwrap(), Committed::Stale);
    }
    assert_eq!(scene.store.find(first.id).await.unwrap().unwrap().booking, first);
    assert_eq!(scene.store.find_reply(&key).await.unwrap(), None);
    let unknown = commit_of(Booking { revision: 3, ..placed(2) });
    assert_eq!(scene.store.commit(unknown).await.unwrap(), Committed::Stale);
    let mut again = commit_of(first);
    again.caused_by = Some(cause(5));
    commit(scene, again).await;
    assert_eq!(rows(scene, "outbox").await.unwrap_or(2), 2);
}

async fn of_ten_racers_one_wins(scene: &Scene) {
    let first = commit(scene, commit_of(placed(1))).await;
    let race = (0..10).map(|n| {
        let mut change = commit_of(Booking { attempt: n + 1, ..first.clone() });
        change.events[0].id = EventId::new(id(u128::from(n) + 50_000));
        scene.store.commit(change)
    });
    let verdicts: Vec<_> = join_all(race).await.into_iter().map(Result::unwrap).collect();
    let won = verdicts.iter().filter(|verdict| **verdict == Committed::Done).count();
    let lost = verdicts.iter().filter(|verdict| **verdict == Committed::Stale).count();
    assert_eq!((won, lost), (1, 9));
    assert_eq!(rows(scene, "outbox").await.unwrap_or(2), 2);
}

async fn r29_the_same_cause_twice_is_one_commit(scene: &Scene) {
    let first = commit(scene, commit_of(placed(1))).await;
    let mut change = commit_of(first);
    change.caused_by = Some(cause(9));
    let second = commit(scene, change).await;
    let mut again = commit_of(second.clone());
    again.caused_by = Some(cause(9));
    assert_eq!(scene.store.commit(again.clone()).await.unwrap(), Committed::AlreadyHandled);
    assert_eq!(scene.store.find(second.id).await.unwrap().unwrap().booking, second);
    again.caused_by = Some(cause(10));
    commit(scene, again).await;
}

async fn i6_a_key_begins_is_in_use_and_completes_once(scene: &Scene) {
    let resource_id = placed(1).id.to_string();
    let mut change = commit_of(placed(1));
    change.reply = ReplyChange::Begin { key: key("k", 1), resource_id: resource_id.clone() };
    let first = commit(scene, change).await;
    let begun = KeyedReply { fingerprint: vec![1], resource_id: resource_id.clone(), body: None };
    assert_eq!(scene.store.find_reply(&key("k", 2)).await.unwrap(), Some(begun.clone()));
    let mut change = commit_of(first);
    change.reply = ReplyChange::Complete { resource_id: resource_id.clone(), body: vec![1, 2] };
    let second = commit(scene, change).await;
    let done = KeyedReply { body: Some(vec![1, 2]), ..begun };
    assert_eq!(scene.store.find_reply(&key("k", 1)).await.unwrap(), Some(done.clone()));
    let mut change = commit_of(second);
    change.reply = ReplyChange::Complete { resource_id, body: vec![9] };
    commit(scene, change).await;
    assert_eq!(scene.store.find_reply(&key("k", 1)).await.unwrap(), Some(done), "the first stands");
}

async fn a_taken_key_leaves_nothing(scene: &Scene) {
    let mut change = commit_of(placed(1));
    change.reply = ReplyChange::Record { key: key("k", 1), body: vec![1] };
    commit(scene, change).await;
    let mut rival = commit_of(placed(2));
    rival.reply = ReplyChange::Begin { key: key("k", 1), resource_id: "2".to_owned() };
    assert_eq!(scene.store.commit(rival).await.unwrap(), Committed::KeyTaken);
    assert_eq!(scene.store.find(placed(2).id).await.unwrap(), None);
    assert_eq!(rows(scene, "outbox").await.unwrap_or(1), 1);
}

fn counted(verdicts: &[Committed], lost: Committed) -> (usize, usize) {
    let of = |wanted: Committed| verdicts.iter().filter(|verdict| **verdict == wanted).count();
    (of(Committed::Done), of(lost))
}

async fn r29_of_ten_racers_with_one_cause_one_wins(scene: &Scene) {
    let race = (1..=10).map(|n| {
        let change = BookingChange { caused_by: Some(cause(9)), ..commit_of(placed(n)) };
        scene.store.commit(change)
    });
    let verdicts: Vec<_> = join_all(race).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(counted(&verdicts, Committed::AlreadyHandled), (1, 9));
    assert_eq!(rows(scene, "booking").await.unwrap_or(1), 1);
}

async fn i6_of_ten_racers_with_one_key_one_begins(scene: &Scene) {
    let race = (1..=10).map(|n| {
        let resource_id = placed(n).id.to_string();
        let reply = ReplyChange::Begin { key: key("k", 1), resource_id };
        scene.store.commit(BookingChange { reply, ..commit_of(placed(n)) })
    });
    let verdicts: Vec<_> = join_all(race).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(counted(&verdicts, Committed::KeyTaken), (1, 9));
    assert_eq!(rows(scene, "booking").await.unwrap_or(1), 1);
}

async fn i6_an_answer_without_a_booking_takes_its_key(scene: &Scene) {
    let answer = scene.store.keep_answer(&key("k", 1), vec![1, 2]).await.unwrap();
    assert_eq!(answer, Committed::Done);
    let kept =
        KeyedReply { fingerprint: vec![1], resource_id: String::new(), body: Some(vec![1, 2]) };
    for fingerprint in [1, 2] {
        let again = scene.store.keep_answer(&key("k", fingerprint), vec![9]).await.unwrap();
        assert_eq!(again, Committed::KeyTaken);
    }
    let mut late = commit_of(placed(1));
    late.reply = ReplyChange::Begin { key: key("k", 1), resource_id: placed(1).id.to_string() };
    assert_eq!(scene.store.commit(late).await.unwrap(), Committed::KeyTaken);
    assert_eq!(scene.store.find(placed(1).id).await.unwrap(), None);
    assert_eq!(scene.store.find_reply(&key("k", 2)).await.unwrap(), Some(kept));

    let resource_id = placed(2).id.to_string();
    let mut first = commit_of(placed(2));
    first.reply = ReplyChange::Begin { key: key("begun", 1), resource_id: resource_id.clone() };
    commit(scene, first).await;
    let answer = scene.store.keep_answer(&key("begun", 1), vec![9]).await.unwrap();
    assert_eq!(answer, Committed::KeyTaken);
    let begun = KeyedReply { fingerprint: vec![1], resource_id, body: None };
    assert_eq!(scene.store.find_reply(&key("begun", 1)).await.unwrap(), Some(begun));
    assert_eq!(rows(scene, "outbox").await.unwrap_or(1), 1);
}

async fn i6_of_ten_racers_with_and_without_a_booking_one_has_the_key(scene: &Scene) {
    let race = (1..=10_u128).map(|n| async move {
        if n.is_multiple_of(2) {
            return scene.store.keep_answer(&key("k", 1), vec![7]).await;
        }
        let resource_id = placed(n).id.to_string();
        let reply = ReplyChange::Begin { key: key("k", 1), resource_id };
        scene.store.commit(BookingChange { reply, ..commit_of(placed(n)) }).await
    });
    let verdicts: Vec<_> = join_all(race).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(counted(&verdicts, Committed::KeyTaken), (1, 9));
    assert_eq!(rows(scene, "reply").await.unwrap_or(1), 1);
    let with_booking = scene.store.list(&of_alice(), None, 99).await.unwrap().len();
    let found = scene.store.find_reply(&key("k", 1)).await.unwrap().unwrap();
    assert_eq!(with_booking, usize::from(found.body.is_none()));
}

async fn ids_and_keys_are_compared_by_every_letter(scene: &Scene) {
    for (n, name) in (1..).zip(["alice", "Alice", "ALICE"]) {
        let booking = Booking { buyer_id: BuyerId::new(name).unwrap(), ..placed(n) };
        commit(scene, commit_of(booking)).await;
    }
    let of_alice: Vec<_> = scene.store.list(&of_alice(), None, 9).await.unwrap();
    assert_eq!(of_alice.iter().map(|booking| booking.id).collect::<Vec<_>>(), [placed(1).id]);
    for (n, name) in (11..).zip(["k", "K", "k ", "ｋ"]) {
        let reply = ReplyChange::Record { key: key(name, 1), body: vec![7] };
        commit(scene, BookingChange { reply, ..commit_of(placed(n)) }).await;
    }
    assert_eq!(scene.store.find_reply(&key("k  ", 1)).await.unwrap(), None);
}

async fn the_longest_texts_fit(scene: &Scene) {
    let mut booking = placed(1);
    booking.ticket.name = "\u{1f3b9}".repeat(200);
    booking.payment_method = "\u{1f3b9}".repeat(PAYMENT_METHOD_CHARS_MAX);
    booking.buyer_id = BuyerId::new("b".repeat(128)).unwrap();
    let written = commit(scene, commit_of(booking)).await;
    assert_eq!(scene.store.find(written.id).await.unwrap().unwrap().booking, written);
}

async fn r20_due_bookings_go_to_one_owner(scene: &Scene) {
    for n in 1..=20 {
        commit(scene, commit_of(placed(n))).await;
    }
    let mut driven = commit_of(placed(21));
    driven.timer.lease = Some(lease("request", LONG));
    commit(scene, driven).await;
    let owners: Vec<_> = (0..5).map(|n| lease(&format!("sweep {n}"), LONG)).collect();
    let claims = join_all(owners.iter().map(|owner| scene.store.claim_due(owner, 8))).await;
    let claimed: Vec<_> = claims.into_iter().flat_map(Result::unwrap).collect();
    let distinct: BTreeSet<_> = claimed.iter().map(|stored| stored.booking.id).collect();
    assert_eq!(distinct.len(), claimed.len(), "one owner each");
    assert!(!distinct.contains(&placed(21).id), "the request drives it");
    let rest = scene.store.claim_due(&lease("late", LONG), 50).await.unwrap();
    assert_eq!(claimed.len() + rest.len(), 20);
    for stored in rest.iter().chain(&claimed) {
        let read = scene.store.find(stored.booking.id).await.unwrap().unwrap();
        assert_eq!(read, *stored);
        let before = commit_of(Booking { revision: 1, ..read.booking });
        assert_eq!(scene.store.commit(before).await, Ok(Committed::Stale), "who had it before");
    }
}

/// Its lease is over, and it does not know.
async fn r04_who_took_a_booking_over_cannot_be_overruled(scene: &Scene) {
    let first = commit(scene, commit_of(placed(1))).await;
    let claim = async |owner: &str| {
        let mut claimed = scene.store.claim_due(&lease(owner, Duration::ZERO), 5).await.unwrap();
        claimed.remove(0).booking
    };
    let (before, after) = (claim("a").await, claim("b").await);
    for late in [first, before] {
        assert_eq!(scene.store.commit(commit_of(late)).await, Ok(Committed::Stale));
    }
    assert_eq!(scene.store.commit(commit_of(after)).await, Ok(Committed::Done));
}

async fn a_timer_is_due_when_it_says(scene: &Scene) {
    let wakes = [
        (Wake::Never, false),
        (Wake::After(LONG), false),
        (Wake::At(SystemClock.now().plus(LONG)), false),
        (Wake::After(Duration::ZERO), true),
        (Wake::At(at(5)), true),
    ];
    for (n, (wake, due)) in (1..).zip(wakes) {
        let mut change = commit_of(placed(n));
        // A live booking must have a timer; this one is at rest.
        change.booking.state =
            State::Rejected { refusal: RejectReason::SoldOut.into(), stock: Release::Done };
        change.timer = Timer { wake, tries: 3, lease: None };
        let id = commit(scene, change).await.id;
        let claimed = scene.store.claim_due(&lease("sweep", Duration::ZERO), 50).await.unwrap();
        let claimed: Vec<_> = claimed
            .iter()
            .filter(|stored| stored.booking.id == id)
            .map(|s| s.process.tries)
            .collect();
        assert_eq!(claimed, if due { vec![3] } else { vec![] }, "{wake:?}");
    }
}

async fn a_lease_is_renewed_by_its_owner_only(scene: &Scene) {
    let booking = commit(scene, commit_of(placed(1))).await;
    assert!(!scene.store.renew_lease(booking.id, &lease("a", LONG)).await.unwrap());
    let mut claimed = scene.store.claim_due(&lease("a", Duration::ZERO), 5).await.unwrap();
    assert!(scene.store.renew_lease(booking.id, &lease("a", LONG)).await.unwrap());
    assert!(!scene.store.renew_lease(booking.id, &lease("b", LONG)).await.unwrap());
    assert_eq!(scene.store.claim_due(&lease("b", LONG), 5).await.unwrap(), []);
    commit(scene, commit_of(claimed.remove(0).booking)).await;
    assert_eq!(scene.store.claim_due(&lease("b", LONG), 5).await.unwrap().len(), 1, "given back");
}

fn of_alice() -> BookingFilter {
    let buyer_id = BuyerId::new("alice").unwrap();
    BookingFilter { buyer_id, ticket_id: None, status: None }
}

async fn pages_are_newest_first_and_show_nobody_elses(scene: &Scene) {
    let place = |n: u128, micros: i64| Booking { created_at: at(micros), ..placed(n) };
    for (n, micros) in [(1, 10), (2, 30), (3, 20), (4, 20), (5, 40)] {
        commit(scene, commit_of(place(n, micros))).await;
    }
    let bob = Booking { buyer_id: BuyerId::new("bob").unwrap(), ..place(6, 25) };
    commit(scene, commit_of(bob)).await;
    let mut seen = Vec::new();
    let mut after: Option<Cursor> = None;
    loop {
        let page = scene.store.list(&of_alice(), after, 2).await.unwrap();
        // Others write while the pages are read.
        let newer = place(100 + seen.len() as u128, 1_000);
        commit(scene, commit_of(newer)).await;
        let Some(last) = page.last() else { break };
        after = Some(last.cursor());
        seen.extend(page.iter().map(|booking| booking.id.as_uuid().as_u128()));
    }
    assert_eq!(seen, [5, 2, 4, 3, 1]);
    let buyer_id = of_alice().buyer_id;
    let pending = Some(BookingStatus::Pending);
    let other = Some(TicketId::new(id(5)));
    for (ticket_id, status, some) in [
        (None, pending, true),
        (None, Some(BookingStatus::Expired), false),
        (Some(placed(1).ticket.id), pending, true),
        (other, None, false),
    ] {
        let filter = BookingFilter { buyer_id: buyer_id.clone(), ticket_id, status };
        assert_eq!(!scene.store.list(&filter, None, 5).await.unwrap().is_empty(), some);
    }
}

async fn t12_open_bookings_of_a_ticket_are_found_while_they_are_cancelled(scene: &Scene) {
    for (n, state) in (1..).zip(states()) {
        let booking = Booking { payment_id: paid_with(&state), state, ..placed(n) };
        commit(scene, commit_of(booking)).await;
    }
    let open = states()
        .into_iter()
        .filter(|state| Booking { state: state.clone(), ..placed(1) }.is_open());
    let other = TicketId::new(id(5));
    assert_eq!(scene.store.open_of_ticket(other, None, 3).await.unwrap(), []);
    let ticket_id = placed(1).ticket.id;
    let is = |wanted: fn(&State) -> bool| states().into_iter().filter(wanted).count() as u64;
    let before = RetirementProgress {
        open: open.clone().count() as u64,
        cancelling: is(|state| matches!(state, State::Cancelling { .. })),
        stuck: is(|state| matches!(state, State::Cancelling { money: MoneyBack::Stuck, .. })),
        cancelled: is(|state| matches!(state, State::Cancelled { .. })),
    };
    let progress = async |of| scene.store.retirement_progress(of).await.unwrap();
    assert_eq!(progress(ticket_id).await, before);
    assert_eq!(progress(other).await, RetirementProgress::default());
    let mut found = 0;
    let mut after = None;
    loop {
        let page = scene.store.open_of_ticket(ticket_id, after, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(*last);
        found += page.len();
        for id in page {
            let state = State::Cancelled { reason: CancelReason::TicketDeleted };
            let booking = scene.store.find(id).await.unwrap().unwrap().booking;
            commit(scene, commit_of(Booking { state, ..booking })).await;
        }
    }
    assert_eq!(found, open.count());
    assert_eq!(scene.store.open_of_ticket(ticket_id, None, 3).await.unwrap(), []);
    let cancelled = before.cancelled + before.open;
    let after = RetirementProgress { open: 0, cancelled, ..before };
    assert_eq!(progress(ticket_id).await, after);
}

/// A corrupt row is found among the open bookings of its ticket and left out of its buyer's list.
async fn t12_a_corrupt_booking_hides_no_other(scene: &Scene) {
    for n in 1..=3 {
        commit(scene, commit_of(placed(n))).await;
    }
    let corrupt = placed(2).id;
    let damage = format!("UPDATE booking SET currency = '???' WHERE id = '{corrupt}'");
    scene.database.as_ref().unwrap().tamper(&damage).await.unwrap();
    let open = scene.store.open_of_ticket(placed(1).ticket.id, None, 9).await.unwrap();
    assert_eq!(open, [placed(1).id, corrupt, placed(3).id]);
    for (rows_max, expected) in [(1, &[3][..]), (2, &[3, 1]), (9, &[3, 1])] {
        let listed = scene.store.list(&of_alice(), None, rows_max).await.unwrap();
        let ids: Vec<_> = listed.iter().map(|booking| booking.id.as_uuid().as_u128()).collect();
        assert_eq!(ids, expected);
    }
    let found = scene.store.find(corrupt).await;
    assert!(matches!(found, Err(StoreError::CorruptRow { .. })), "{found:?}");
}

async fn r18_a_parked_message_counts_as_handled(scene: &Scene) {
    let booking = commit(scene, commit_of(placed(1))).await;
    let poison = message(cause(9).event_id, booking.id, 1);
    for _ in 0..2 {
        scene.store.park("booking.process", &poison, "unreadable").await.unwrap();
    }
    let mut change = commit_of(booking);
    change.caused_by = Some(cause(9));
    assert_eq!(scene.store.commit(change).await.unwrap(), Committed::AlreadyHandled);
    assert_eq!(rows(scene, "dead_letter").await.unwrap_or(1), 1);
}

/// The database refuses what no code of ours may write.
async fn the_tables_check_what_a_row_can_state(scene: &Scene) {
    commit(scene, commit_of(placed(1))).await;
    let database = scene.database.as_ref().unwrap();
    for broken in [
        "status = 'CONFIRMED', stock = 'COMMITTED'",
        "status = 'AWAITING_PAYMENT', stock = 'UNPINNED', reason = 'PAYMENT_DECLINED'",
        "status = 'CANCELLING', stock = 'WAITING', reason = 'STOCK_GONE'",
        "status = 'CANCELLED'",
        "status = 'REJECTED', reason = 'SOLD_OUT'",
        "status = 'GONE'",
        "stage = NULL",
        "next_action_at_us = NULL",
        "refunded_minor = total_minor + 1",
        "total_minor = -1",
        "quantity = 0",
        "attempt = 0",
        "lease_owner = 'nobody'",
    ] {
        let refused = database.tamper(&format!("UPDATE booking SET {broken}")).await;
        let error = refused.err().unwrap_or_default().to_lowercase();
        assert!(error.contains("constraint"), "{broken}: {error}");
    }
}
