//! Charges whose message comes to a booking that knows already, or that somebody else has moved.

use std::time::Duration;

use booking::{Booking, BookingChange, BookingStatus, Fact, LEASE, Timer, Transition};
use futures::FutureExt;
use kernel::{Answered, ReplyChange};

use crate::world::{Scene, alice, create};

/// The message that a charge was approved, as it will come.
fn approved(scene: &Scene) -> Fact {
    let news = scene.neighbours.world().news.clone();
    let charged = |fact: &Fact| matches!(fact, Fact::Charged { .. });
    news.into_iter().map(|(_, fact)| fact).find(charged).unwrap()
}

#[test]
fn a_charge_that_this_process_has_written_is_not_looked_up_when_its_message_comes() {
    let scene = Scene::new(1);
    assert_eq!(scene.create_with("ok", None), Some(Ok(BookingStatus::Confirmed)));
    let id = scene.first().unwrap().booking.id;
    let fact = approved(&scene);
    let hears = || scene.bookings.record_fact(id, &fact, scene.cause()).now_or_never().unwrap();
    *scene.store.corrupt.lock().unwrap() = Some(id);
    assert_eq!(hears(), Ok(()), "nobody looked");
    assert!(hears().is_err(), "a second time the booking itself says that it is a repeat");
    *scene.store.corrupt.lock().unwrap() = None;
    assert_eq!(hears(), Ok(()));
    assert_eq!(scene.status(), Some(BookingStatus::Confirmed));
}

/// A drive that found nothing charged is so slow to commit it that a sweep has taken the booking over and charged it;
/// the message about the charge came while the booking was left to that sweep.
#[test]
fn r04_a_drive_that_was_taken_over_cannot_undo_a_charge() {
    let scene = Scene::new(1);
    let begun = scene.bookings.create_booking(&alice(), create("ok"), None).now_or_never();
    let Ok(Answered::Fresh(begun)) = begun.unwrap() else { panic!("not begun") };
    *scene.store.late.lock().unwrap() = Some(not_tried(begun.booking));
    scene.clock.advance(LEASE);
    assert_eq!(scene.bookings.sweep(1).now_or_never().unwrap().unwrap().claimed, 1);
    scene.neighbours.world().news.clear();
    scene.come_to_rest();
    scene.check("taken over");
    assert_eq!(scene.status(), Some(BookingStatus::Confirmed));
}

/// What the first drive of a booking commits whose charge was not tried.
fn not_tried(mut booking: Booking) -> BookingChange {
    let (now, expected_revision) = (booking.updated_at, booking.revision);
    let expires_at = now.plus(Duration::from_secs(600));
    let held = Fact::Held { booked: None, total: booking.total, expires_at };
    assert_eq!(booking.on(&held, now), Transition::GoOn);
    assert!(matches!(booking.on(&Fact::ChargeNotTried, now), Transition::Changed(_)));
    booking.revision += 1;
    let timer = Timer { wake: booking.first_wake(), tries: 0, lease: None };
    BookingChange {
        booking,
        expected_revision,
        timer,
        events: Vec::new(),
        caused_by: None,
        reply: ReplyChange::None,
        by_operator: None,
    }
}
