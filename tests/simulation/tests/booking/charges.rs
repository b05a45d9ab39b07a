//! Charges whose message comes to a booking that knows already, or that somebody else has moved.

use std::time::Duration;

use booking::{Booking, BookingStatus, Fact};
use futures::FutureExt;
use kernel::Answered;

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

/// An earlier drive, which had found that nothing was charged, commits that at last, and the message came while the
/// booking was left to its drive.
#[test]
fn r04_a_charge_that_a_drive_heard_is_kept_when_it_was_overtaken() {
    let not_tried = |booking: &mut Booking| {
        let now = booking.updated_at;
        let expires_at = now.plus(Duration::from_secs(600));
        let _ = booking.on(&Fact::Held { booked: None, total: booking.total, expires_at }, now);
        let _ = booking.on(&Fact::ChargeNotTried, now);
    };
    let scene = Scene::new(1);
    let begun = scene.bookings.create_booking(&alice(), create("ok"), None).now_or_never();
    let Ok(Answered::Fresh(begun)) = begun.unwrap() else { panic!("not begun") };
    *scene.store.rival.lock().unwrap() = Some(not_tried);
    scene.bookings.drive(begun).now_or_never().unwrap().unwrap();
    scene.neighbours.world().news.clear();
    scene.come_to_rest();
    scene.check("overtaken");
    assert_eq!(scene.status(), Some(BookingStatus::Confirmed));
}
