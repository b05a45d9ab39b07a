//! Servers started in any order, before what they stand on: they wait, and are ready soon after the last of it.

use std::time::{Duration, Instant};

use faults::{Chance, LoadPlan, Scene, rounds, tell};
use futures::future::join_all;
use testkit::{Plan, Shape, eventually};
use tokio::task::block_in_place;

use crate::grpc_health::{SERVICES, health};

const READY_WITHIN: Duration = Duration::from_secs(5);
const BUYERS: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn row_40_servers_come_up_before_their_dependencies_and_are_ready_soon_after_them() {
    let mut chance = Chance::of("any_order");
    for _ in 0..rounds(3, 1) {
        started_in_some_order(&mut chance).await;
    }
}

async fn started_in_some_order(chance: &mut Chance) {
    let mut scene = Scene::set_up(Plan::of(Shape::Postgres)).await;
    let nats = scene.platform.nats().expect("a bus");
    block_in_place(|| nats.stop()).unwrap();
    let postgres = scene.postgres.as_mut().expect("a PostgreSQL");
    block_in_place(|| postgres.stop()).unwrap();

    let names = scene.platform.servers().iter().map(|server| server.name().to_owned()).collect();
    let order = chance.shuffled(names);
    for name in &order {
        let server = scene.platform.server(name);
        server.start();
        eventually("it lives", || async {
            let live = server.admin_get("/live").await?;
            if live.status == 200 { Ok(()) } else { Err(live.status.to_string()) }
        })
        .await;
    }
    for (context, service) in SERVICES {
        let is = async |name| health(&scene.platform, context, name).await;
        eventually("it lives over gRPC", || async {
            let liveness = is("liveness").await;
            if liveness == "SERVING" { Ok(()) } else { Err(liveness) }
        })
        .await;
        for name in [service, "", "readiness"] {
            assert_eq!(is(name).await, "NOT_SERVING", "{context}: {name}");
        }
    }
    for server in scene.platform.servers() {
        assert!(server.is_running() && !server.is_ready().await, "{}", server.name());
    }

    let bus_first = chance.below(2) == 0;
    if bus_first {
        bus_comes(&mut scene);
    }
    let postgres = scene.postgres.as_mut().expect("a PostgreSQL");
    block_in_place(|| postgres.restart()).unwrap();
    scene.platform.migrate().await;
    if !bus_first {
        bus_comes(&mut scene);
    }
    let there = Instant::now();
    join_all(scene.platform.servers().iter_mut().map(|server| server.until_ready())).await;
    let took = there.elapsed();
    let last = if bus_first { "the schema" } else { "the bus" };
    tell(&format!("any_order: {}; ready {took:.1?} after {last}, the last", order.join(" ")));
    assert!(took <= READY_WITHIN, "ready only {took:?} after the last dependency");

    let ticket = scene.register("At last", 100).await;
    let load = scene.load(LoadPlan::on(ticket, BUYERS, &["ok"]));
    load.goes_on_for(BUYERS).await;
    let acknowledged = load.stop().await;
    scene.all_is_well(&acknowledged).await;
}

fn bus_comes(scene: &mut Scene) {
    let nats = scene.platform.nats().expect("a bus");
    block_in_place(|| nats.restart()).unwrap();
}
