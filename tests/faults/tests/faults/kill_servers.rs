//! kill -9 of each server of the platform in turn, under load.

use std::time::Duration;

use faults::{Chance, LoadPlan, Scene, rounds};
use testkit::Shape;

const SERVERS: [&str; 6] = ["ticket", "booking", "payment", "notification", "mypage", "gateway"];
const BUYERS: usize = 12;
/// More than the buyers ever book.
const CAPACITY: u32 = 1_000_000;
/// So much is answered between two faults: the platform works again.
const ANSWERS_BETWEEN: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn rows_1_to_6_each_server_killed_under_load_loses_and_doubles_nothing() {
    let mut chance = Chance::of("kill_servers");
    let mut scene = Scene::of(Shape::Postgres, 1).await;
    let ticket = scene.register("Under fire", CAPACITY).await;
    let methods = ["ok", "ok", "lost_reply", "ok", "declined"];
    let load = scene.load(LoadPlan::on(ticket, BUYERS, &methods));
    load.goes_on_for(BUYERS).await;
    for _ in 0..rounds(5, 1) {
        for server in SERVERS {
            let name = format!("{server}-1");
            let (before, down) = (
                chance.time(Duration::ZERO, Duration::from_millis(500)),
                chance.time(Duration::ZERO, Duration::from_secs(1)),
            );
            // Chance decides where in its work it dies, and how long it stays away.
            tokio::time::sleep(before).await;
            scene.platform.server(&name).kill9().await;
            tokio::time::sleep(down).await;
            scene.platform.server(&name).restart().await;
            load.goes_on_for(ANSWERS_BETWEEN).await;
        }
    }
    let acknowledged = load.stop().await;
    scene.all_is_well(&acknowledged).await;
}
