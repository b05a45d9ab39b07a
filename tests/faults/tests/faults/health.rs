//! What servers say of themselves while what they stand on is away.

use std::time::{Duration, Instant};

use faults::{Scene, tell};
use futures::future::join_all;
use servers::{Signal, process};
use testkit::{Platform, Shape, eventually_within};
use tokio::task::block_in_place;
use tokio::time::timeout;

use crate::grpc_health::{ANSWERED_WITHIN, SERVICES, all_become, health};

const NOTICED_WITHIN: Duration = Duration::from_secs(10);
const BACK_WITHIN: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn p03_o02_health_follows_the_database_and_liveness_nothing() {
    let mut scene = Scene::of(Shape::Postgres, 1).await;
    all("all is there", &scene.platform, "SERVING", NOTICED_WITHIN).await;

    let postgres = scene.postgres.as_mut().expect("a PostgreSQL");
    block_in_place(|| postgres.stop()).unwrap();
    all("the database is stopped", &scene.platform, "NOT_SERVING", NOTICED_WITHIN).await;
    lives(&mut scene.platform).await;
    let postgres = scene.postgres.as_mut().expect("a PostgreSQL");
    block_in_place(|| postgres.restart()).unwrap();
    all("the database is back", &scene.platform, "SERVING", BACK_WITHIN).await;

    // One that takes connections and answers nothing is no better.
    let frozen = scene.postgres.as_ref().and_then(servers::Server::pid).expect("a PostgreSQL");
    let family = [vec![frozen], process::descendants(frozen)].concat();
    family.iter().for_each(|&member| process::send(member, Signal::STOP).unwrap());
    all("the database is frozen", &scene.platform, "NOT_SERVING", NOTICED_WITHIN).await;
    lives(&mut scene.platform).await;
    family.iter().for_each(|&member| process::send(member, Signal::CONT).unwrap());
    all("the database thaws", &scene.platform, "SERVING", BACK_WITHIN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn o02_the_bus_has_a_health_of_its_own_and_readiness_does_without() {
    let mut scene = Scene::of(Shape::Postgres, 1).await;
    bus_becomes(&scene.platform, "SERVING").await;
    let nats = scene.platform.nats().expect("a bus");
    block_in_place(|| nats.stop()).unwrap();
    bus_becomes(&scene.platform, "NOT_SERVING").await;
    all("the bus is away", &scene.platform, "SERVING", ANSWERED_WITHIN * 5).await;
    lives(&mut scene.platform).await;
    let nats = scene.platform.nats().expect("a bus");
    block_in_place(|| nats.restart()).unwrap();
    bus_becomes(&scene.platform, "SERVING").await;
    all("the bus is back", &scene.platform, "SERVING", ANSWERED_WITHIN * 5).await;
}

/// Waits until every context says so of itself, all at once.
async fn all(when: &str, platform: &Platform, wanted: &str, within: Duration) {
    let contexts = SERVICES.map(|(context, _)| all_become(platform, context, wanted, within));
    let slowest = join_all(contexts).await.into_iter().max().unwrap_or_default();
    tell(&format!("health: {when}: {wanted} everywhere after {slowest:.1?}"));
}

/// Every process runs, says so within a second, and does not ask to be restarted.
async fn lives(platform: &mut Platform) {
    for server in platform.servers() {
        assert!(server.is_running(), "{} has ended", server.name());
        let asked = Instant::now();
        let live = timeout(ANSWERED_WITHIN, server.admin_get("/live")).await;
        let live = live.unwrap_or_else(|_| panic!("{}: no answer in time", server.name()));
        assert_eq!(live.unwrap().status, 200, "{} after {:?}", server.name(), asked.elapsed());
    }
    for (context, _) in SERVICES {
        assert_eq!(health(platform, context, "liveness").await, "SERVING", "{context}");
    }
}

async fn bus_becomes(platform: &Platform, wanted: &str) {
    for (context, _) in SERVICES {
        eventually_within(NOTICED_WITHIN, &format!("{context}: bus {wanted}"), || async {
            let is = health(platform, context, "bus").await;
            if is == wanted { Ok(()) } else { Err(is) }
        })
        .await;
    }
}
