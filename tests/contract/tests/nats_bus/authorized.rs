//! A NATS that asks who is there.

use std::time::Duration;

use nats_bus::{NatsBus, NatsSettings};
use servers::{Life, Scratch, nats_for};
use tokio::task::block_in_place;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn the_name_and_the_password_in_the_address_are_shown_to_the_server() {
    let scratch = Scratch::fresh("nats").unwrap();
    let folder = scratch.path().join("data");
    let started = block_in_place(|| nats_for(&folder, Life::WithStarter, "box", "p@ss"));
    let (server, _monitor) = started.unwrap();
    let at = |who: &str| server.url().replace("nats://", &format!("nats://{who}"));
    let bus = |url: String| async move {
        NatsBus::connect(&url, NatsSettings::named("authorized")).await.unwrap()
    };
    let (trusted, stranger) = (bus(at("box:p%40ss@")).await, bus(at("box:guessed@")).await);
    let mut connected = trusted.connected();
    // What it gives is let go of at once: while somebody holds it, the bus cannot say anything else.
    let is_in = timeout(PATIENCE, connected.wait_for(|connected| *connected)).await.is_ok();
    assert!(is_in, "whoever knows the password is let in");
    assert!(!*stranger.connected().borrow(), "and nobody else");
    for bus in [trusted, stranger] {
        bus.close().await;
    }
}
