//! The server dies, and what it then has forgotten.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use kernel::Publisher;
use nats_bus::{Durability, NatsBus};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::inboxed::Inboxed;
use crate::own_server::OwnServer;
use crate::recorder::Recorder;
use crate::scene::{Scene, message, soon};

#[tokio::test]
async fn f9_a_server_that_confirms_before_it_writes_is_told_from_one_that_does_not() {
    let servers = servers::addresses().unwrap();
    assert_eq!(nats_bus::durability(&servers.nats_monitor).await, Ok(Durability::BeforeConfirming));
    for (setting, expected) in [
        (None, Durability::Later),
        (Some("2m"), Durability::Later),
        (Some("always"), Durability::BeforeConfirming),
    ] {
        let server = OwnServer::start(setting).await;
        assert_eq!(nats_bus::durability(server.monitor_url()).await, Ok(expected), "{setting:?}");
    }
    let nobody = nats_bus::durability("http://127.0.0.1:1").await;
    assert!(nobody.is_err(), "{nobody:?}");
}

/// Debian's server refuses the setting with `unknown field "sync_interval"`.
#[tokio::test]
async fn f10_this_server_knows_the_settings_that_matter() {
    let server = OwnServer::start(Some("always")).await;
    let scene = Scene::over(&server.url()).await;
    let bus = scene.bus().await;
    assert!(scene.js.client().is_server_compatible(2, 12, 0), "atomic batches");
    let config = scene.stream().await.cached_info().config.clone();
    assert!(config.allow_atomic_publish && config.deny_delete && config.deny_purge);
    scene.end([bus]).await;
}

/// Acknowledgements are not durable: a killed server delivers again what was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f8_what_a_killed_server_delivers_again_has_its_effect_once() {
    let mut server = OwnServer::start(Some("always")).await;
    let scene = Scene::over(&server.url()).await;
    let inboxed = Inboxed::new("acknowledging");
    let replica = scene.replica(inboxed.clone()).await;
    let messages: Vec<_> = (1..=200).map(message).collect();
    for published in join_all(messages.iter().map(|message| replica.bus.publish(message))).await {
        assert_eq!(published, Ok(()));
    }
    soon("all", 200, async || inboxed.effects()).await;
    server.kill9();
    server.restart().await;
    soon("the bus is back", true, async || *replica.bus.connected().borrow()).await;
    assert_eq!(replica.bus.publish(&message(201)).await, Ok(()));
    soon("the new one", 201, async || inboxed.effects()).await;
    println!("F8: {} deliveries of 201 messages", inboxed.deliveries());
    replica.stop().await.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f18_three_kills_under_load_lose_nothing() {
    const MESSAGES: u128 = 1500;
    const LANES: u128 = 10;
    let mut server = OwnServer::start(Some("always")).await;
    let scene = Scene::over(&server.url()).await;
    let inboxed = Inboxed::new("surviving");
    let replicas = [scene.replica(inboxed.clone()).await, scene.replica(inboxed.clone()).await];
    let mut lanes = JoinSet::new();
    for lane in 0..LANES {
        let bus = replicas[0].bus.clone();
        lanes.spawn(async move {
            for number in (1..=MESSAGES).filter(|number| number % LANES == lane) {
                persist(&bus, number).await;
            }
        });
    }
    for third in 1..=3 {
        let mark = usize::try_from(MESSAGES).unwrap() * third / 5;
        soon("some are handled", true, async || inboxed.effects() >= mark).await;
        server.kill9();
        server.restart().await;
    }
    lanes.join_all().await;
    soon("all are handled", usize::try_from(MESSAGES).unwrap(), async || inboxed.effects()).await;
    println!("F18: {} deliveries of {MESSAGES} messages", inboxed.deliveries());
    for replica in replicas {
        replica.stop().await.close().await;
    }
}

/// As the relay does: again until it is taken.
async fn persist(bus: &NatsBus, number: u128) {
    while bus.publish(&message(number)).await.is_err() {
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn any_order_of_start_the_bus_is_there_when_its_server_is() {
    let mut server = OwnServer::start(Some("always")).await;
    let scene = Scene::over(&server.url()).await;
    server.kill9();
    let bus = NatsBus::connect(&scene.url, scene.settings.clone()).await.unwrap();
    let consumer = Recorder::handling("early");
    let replica = crate::scene::Replica::of(bus, Arc::<Recorder>::clone(&consumer));
    assert!(!*replica.bus.connected().borrow());
    server.restart().await;
    soon("the bus is there", true, async || *replica.bus.connected().borrow()).await;
    assert_eq!(replica.bus.publish(&message(1)).await, Ok(()));
    soon("handled", vec![1], async || consumer.numbers()).await;
    server.kill9();
    soon("the bus is away", false, async || *replica.bus.connected().borrow()).await;
    replica.stop().await.close().await;
}
