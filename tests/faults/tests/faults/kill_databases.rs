//! kill -9 of the databases under load: calls are refused soon and not at their own deadline, and what was committed
//! is there when the database is back.

use std::time::Duration;

use faults::{Chance, LoadPlan, Scene, rounds, tell};
use servers::Server;
use testkit::Shape;
use tokio::task::block_in_place;
use tokio::time::Instant;

const BUYERS: usize = 8;
/// More than the buyers ever book.
const CAPACITY: u32 = 1_000_000;
/// So much is answered between two faults: the platform works again.
const ANSWERS_BETWEEN: usize = 10;
/// Whoever cannot be served is told so within this.
const REFUSED_WITHIN: Duration = Duration::from_secs(3);
/// A call goes on this soon after the database is back.
const SERVED_AGAIN_WITHIN: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn row_8_postgresql_killed_under_load_refuses_soon_and_loses_nothing() {
    let mut scene = Scene::of(Shape::Postgres, 1).await;
    let postgres = scene.postgres.take().expect("a PostgreSQL");
    kill_under_load("kill_postgres", &mut scene, postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_8_mariadb_killed_under_load_refuses_soon_and_loses_nothing() {
    let mut scene = Scene::of(Shape::Mixed, 1).await;
    let mariadb = scene.mariadb.take().expect("a MariaDB");
    kill_under_load("kill_mariadb", &mut scene, mariadb).await;
}

async fn kill_under_load(name: &str, scene: &mut Scene, mut database: Server) {
    let mut chance = Chance::of(name);
    let ticket = scene.register("On sand", CAPACITY).await;
    let methods = ["ok", "ok", "lost_reply", "ok", "declined"];
    let load = scene.load(LoadPlan::on(ticket, BUYERS, &methods));
    load.goes_on_for(BUYERS).await;
    for _ in 0..rounds(5, 1) {
        let (before, down) = (
            chance.time(Duration::ZERO, Duration::from_millis(500)),
            chance.time(Duration::from_secs(1), Duration::from_secs(5)),
        );
        // Chance decides where in its work it dies, and how long it stays away.
        tokio::time::sleep(before).await;
        block_in_place(|| database.kill9()).unwrap();
        tokio::time::sleep(down).await;
        block_in_place(|| database.restart()).unwrap();
        let back = Instant::now();
        load.goes_on_for(1).await;
        let served = back.elapsed();
        load.goes_on_for(ANSWERS_BETWEEN).await;
        let calls = load.measured();
        tell(&format!("{name}: away {down:.1?}, served again after {served:.1?}; {calls}"));
        assert!(calls.failures().count() > 0, "nobody noticed that it was away");
        let late = calls.failures().find(|call| call.took > REFUSED_WITHIN);
        assert!(late.is_none(), "refused late: {late:?}");
        assert!(served <= SERVED_AGAIN_WITHIN, "served again only after {served:?}");
        for server in scene.platform.servers() {
            assert!(server.is_running(), "{} has ended", server.name());
        }
    }
    let acknowledged = load.stop().await;
    scene.all_is_well(&acknowledged).await;
}
