//! What a key costs, and what it leads to.

use std::sync::atomic::Ordering;

use booking::BookingStatus;
use kernel::ReplyKey;

use crate::world::{Act, Outcome, Scene, key};

fn other_request(name: &str) -> ReplyKey {
    ReplyKey { fingerprint: vec![9], ..key(name) }
}

fn lookups(scene: &Scene) -> u32 {
    scene.store.looked_up.load(Ordering::SeqCst)
}

const REPLAYED: Outcome = Some(Err("REPLAYED"));
const REUSED: Outcome = Some(Err("IDEMPOTENCY_KEY_REUSED"));

#[test]
fn a_key_that_is_new_is_not_looked_up() {
    let scene = Scene::new(1);
    assert_eq!(scene.act(Act::Create("ok")), Some(Ok(BookingStatus::Confirmed)));
    assert_eq!(lookups(&scene), 0);
    assert_eq!(scene.act(Act::Create("ok")), REPLAYED);
    assert_eq!(lookups(&scene), 1);
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
