//! A rolling restart of every server under many clients that see what a Kubernetes service shows them.

use std::time::{Duration, Instant};

use faults::{LoadPlan, Scene, rounds, tell};
use testkit::{Plan, Shape};

const SERVERS: [&str; 6] = ["ticket", "booking", "payment", "notification", "mypage", "gateway"];
const REPLICAS: usize = 2;
/// More than the clients ever book.
const CAPACITY: u32 = 1_000_000;
/// Long enough for clients to hear that a server is about to go, as `preStop` or this setting is in production.
const SHUTDOWN_DELAY_MS: &str = "1500";
const ENDED_WITHIN: Duration = Duration::from_secs(30);
/// So much is answered between two restarts.
const ANSWERS_BETWEEN: usize = 5;
const TICKETS: usize = 10;
/// What each client adds to the rest of all of them.
const REST: Duration = Duration::from_millis(200);

#[tokio::test(flavor = "multi_thread")]
async fn o03_a_rolling_restart_of_every_server_fails_no_call() {
    let plan = Plan { replicas: REPLICAS, ..Plan::of(Shape::Postgres) };
    let mut scene = Scene::planned(plan.with("SHUTDOWN_DELAY_MS", SHUTDOWN_DELAY_MS)).await;
    let mut tickets = Vec::new();
    for number in 0..TICKETS {
        tickets.push(scene.register(&format!("Rolling {number}"), CAPACITY).await);
    }
    let buyers = rounds(100, 20);
    // As many wishes a second, whether many ask seldom or few often: the restarts are tested, not the machine.
    let rest = REST * u32::try_from(buyers).unwrap();
    let plan = LoadPlan { tickets, buyers, methods: vec!["ok"], rest, reads: true };
    let load = scene.load_over_the_ready(plan);
    load.goes_on_for(ANSWERS_BETWEEN).await;
    // The first look at the gateways has no answer yet.
    let _finding_them = load.measured();
    for round in 0..rounds(3, 1) {
        for server in SERVERS {
            for replica in 1..=REPLICAS {
                let name = format!("{server}-{replica}");
                let asked = Instant::now();
                let ended = scene.platform.server(&name).terminate().await;
                let took = asked.elapsed();
                assert!(ended.success() && took < ENDED_WITHIN, "{name}: {ended} after {took:?}");
                scene.platform.server(&name).restart().await;
                load.goes_on_for(ANSWERS_BETWEEN).await;
                let calls = load.measured();
                tell(&format!("round {round}, {name}: ended after {took:.1?}; {calls}"));
                let failed: Vec<_> = calls.failures().collect();
                assert!(failed.is_empty(), "{name}: {failed:#?}");
            }
        }
    }
    let (acknowledged, calls) = load.stop_measured().await;
    assert_eq!(calls.failures().count(), 0, "{calls}");
    scene.all_is_well(&acknowledged).await;
}
