//! kill -9 of NATS under load: bookings do not notice, and what was published is not lost.

use std::time::Duration;

use faults::{Chance, LoadPlan, Scene, rounds, tell};
use testkit::Shape;
use tokio::task::block_in_place;

const BUYERS: usize = 8;
/// More than the buyers ever book.
const CAPACITY: u32 = 1_000_000;
/// So much is answered while the bus is away, and again once it is back.
const ANSWERS_BETWEEN: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn row_7_nats_killed_under_load_fails_no_call_and_loses_nothing() {
    let mut chance = Chance::of("kill_nats");
    let mut scene = Scene::of(Shape::Postgres, 1).await;
    let ticket = scene.register("Unheard", CAPACITY).await;
    let methods = ["ok", "lost_reply", "ok", "declined"];
    let load = scene.load(LoadPlan::on(ticket, BUYERS, &methods));
    load.goes_on_for(BUYERS).await;
    for _ in 0..rounds(5, 2) {
        // Chance decides where in its work it dies.
        let before = chance.time(Duration::ZERO, Duration::from_millis(500));
        tokio::time::sleep(before).await;
        let nats = scene.platform.nats().expect("a bus");
        block_in_place(|| nats.kill9()).unwrap();
        load.goes_on_for(ANSWERS_BETWEEN).await;
        let nats = scene.platform.nats().expect("a bus");
        block_in_place(|| nats.restart()).unwrap();
        load.goes_on_for(ANSWERS_BETWEEN).await;
    }
    let (acknowledged, calls) = load.stop_measured().await;
    tell(&format!("kill_nats: {calls}"));
    assert_eq!(calls.failures().count(), 0, "{calls}");
    scene.all_is_well(&acknowledged).await;
}
