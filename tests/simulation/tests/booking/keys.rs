//! What a key costs, and what it leads to where there is no booking.

use std::sync::atomic::Ordering;

use booking::{BookingStatus, CreateBookingError};
use futures::FutureExt;
use kernel::{Answered, Fault, ReplyKey};

use crate::stepped::Fuse;
use crate::world::{Act, Outcome, Scene, alice, create, key};

/// The ticket says that nothing is left: somebody has booked all of it.
fn sold_out() -> Scene {
    let scene = Scene::new(1);
    {
        let mut world = scene.neighbours.world();
        world.capacity = 3;
        world.tells_sold_out = true;
    }
    assert_eq!(scene.create_with("ok", None), Some(Ok(BookingStatus::Confirmed)));
    scene.come_to_rest();
    scene
}

/// The kept answer, or why there is none.
fn asked(scene: &Scene, key: ReplyKey) -> Result<Vec<u8>, CreateBookingError> {
    let asked = scene.bookings.create_booking(&alice(), create("ok"), Some(key)).now_or_never();
    match asked.unwrap()? {
        Answered::Replayed(body) => Ok(body),
        Answered::Fresh(begun) => panic!("booked: {begun:?}"),
    }
}

fn other_request(name: &str) -> ReplyKey {
    ReplyKey { fingerprint: vec![9], ..key(name) }
}

fn lookups(scene: &Scene) -> u32 {
    scene.store.looked_up.load(Ordering::SeqCst)
}

const REPLAYED: Outcome = Some(Err("REPLAYED"));
const REUSED: Outcome = Some(Err("IDEMPOTENCY_KEY_REUSED"));
const SOLD_OUT: Outcome = Some(Err("SOLD_OUT"));

#[test]
fn i6_what_is_known_to_be_sold_out_leaves_no_booking_and_is_the_keys_answer() {
    let scene = sold_out();
    let commits = scene.store.inner.commits();
    assert_eq!(scene.create_with("ok", None), SOLD_OUT);
    assert_eq!(scene.store.inner.commits(), commits, "nobody can ask for this answer again");

    let told = scene.store.inner.events().len();
    let first = asked(&scene, key("late")).unwrap_err();
    assert_eq!(first.reason(), "SOLD_OUT");
    assert!(first.metadata().is_empty(), "there is no booking to name");
    assert_eq!(asked(&scene, key("late")), Ok(b"SOLD_OUT".to_vec()));
    assert_eq!(scene.create_with("ok", Some(other_request("late"))), REUSED);
    assert_eq!(scene.store.inner.commits(), commits + 1);
    assert_eq!(scene.store.inner.events().len(), told, "nobody hears of it");
    assert_eq!(scene.store.inner.all().len(), 1);

    assert_eq!(scene.act(Act::Cancel), Some(Ok(BookingStatus::Cancelling)));
    scene.come_to_rest();
    assert_eq!(scene.neighbours.world().taken(), 0, "stock is back");
    assert_eq!(asked(&scene, key("late")), Ok(b"SOLD_OUT".to_vec()));
    assert_eq!(scene.create_with("ok", Some(other_request("late"))), REUSED);
    let again = scene.create_with("ok", Some(key("another")));
    assert_eq!(again, Some(Ok(BookingStatus::Confirmed)));
    scene.come_to_rest();
    scene.check("known to be sold out");
}

#[test]
fn i6_a_refusal_is_kept_or_not_wherever_its_server_is_killed() {
    // Before it is kept, and after it is.
    for (step, again) in [(1, SOLD_OUT), (2, REPLAYED)] {
        let scene = sold_out();
        scene.fuse.set(step);
        assert_eq!(scene.create_with("ok", Some(key("late"))), None);
        scene.fuse.set(Fuse::NEVER);
        assert_eq!(scene.create_with("ok", Some(key("late"))), again);
        assert_eq!(scene.create_with("ok", Some(key("late"))), REPLAYED);
        assert_eq!(scene.store.inner.all().len(), 1);
    }
}

#[test]
fn i6_a_key_that_led_to_a_booking_leads_to_it_also_when_all_is_sold() {
    let scene = Scene::new(1);
    {
        let mut world = scene.neighbours.world();
        world.capacity = 3;
        world.tells_sold_out = true;
    }
    assert_eq!(scene.act(Act::Create("slow")), Some(Ok(BookingStatus::Pending)));
    let in_use = Some(Err("IDEMPOTENCY_KEY_IN_USE"));
    assert_eq!(scene.act(Act::Create("slow")), in_use);
    scene.come_to_rest();
    assert_eq!(scene.status(), Some(BookingStatus::Confirmed));
    assert_eq!(scene.act(Act::Create("slow")), REPLAYED);
    scene.check("sold to the key's own booking");
}

#[test]
fn a_key_that_is_new_is_not_looked_up() {
    let scene = Scene::new(1);
    assert_eq!(scene.act(Act::Create("ok")), Some(Ok(BookingStatus::Confirmed)));
    assert_eq!(lookups(&scene), 0);
    assert_eq!(scene.act(Act::Create("ok")), REPLAYED);
    assert_eq!(lookups(&scene), 1);
    let scene = sold_out();
    assert_eq!(scene.create_with("ok", Some(key("late"))), SOLD_OUT);
    assert_eq!(lookups(&scene), 0);
}

#[test]
fn i6_the_first_answer_goes_before_any_refusal() {
    let scene = Scene::new(1);
    assert_eq!(scene.act(Act::Create("ok")), Some(Ok(BookingStatus::Confirmed)));
    scene.come_to_rest();
    scene.neighbours.world().retiring = true;
    let refused = Some(Err("NOT_ON_SALE"));
    assert_eq!(scene.act(Act::Create("ok")), REPLAYED);
    assert_eq!(scene.create_with("ok", Some(other_request("k"))), REUSED);
    assert_eq!(scene.create_with("ok", None), refused);
    let commits = scene.store.inner.commits();
    for _ in 0..2 {
        assert_eq!(scene.create_with("ok", Some(key("new"))), refused, "it is not remembered");
    }
    assert_eq!(scene.store.inner.commits(), commits);
}
