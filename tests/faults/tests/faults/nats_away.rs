//! NATS gone for a minute under load, and then its stream lost: bookings go on, and `replay` tells all that was told.

use std::time::Duration;

use faults::{LoadPlan, Scene, delete_stream, not_delivered, rounds, tell};
use testkit::{Shape, eventually};
use tokio::task::block_in_place;
use tokio::time::Instant;

const STREAM: &str = "BOXOFFICE";
/// Who reads the stream for notification.
const LETTERS: &str = "notification-letters";
const BUYERS: usize = 6;
/// More than the buyers ever book.
const CAPACITY: u32 = 1_000_000;
/// So much is answered in each part of the story.
const ANSWERS: usize = 20;
/// So many messages are lost with the stream, at least.
const LOST: u64 = 20;

#[tokio::test(flavor = "multi_thread")]
async fn nats_away_for_a_minute_fails_no_call_and_a_lost_stream_is_told_again() {
    let mut scene = Scene::of(Shape::Postgres, 1).await;
    let ticket = scene.register("Alone", CAPACITY).await;
    let methods = ["ok", "ok", "lost_reply", "declined"];
    let load = scene.load(LoadPlan::on(vec![ticket], BUYERS, &methods));
    load.goes_on_for(BUYERS).await;

    let away = Duration::from_secs(u64::try_from(rounds(60, 10)).unwrap());
    let nats = scene.platform.nats().expect("a bus");
    block_in_place(|| nats.stop()).unwrap();
    load.goes_on_until(Instant::now() + away).await;
    let nats = scene.platform.nats().expect("a bus");
    block_in_place(|| nats.restart()).unwrap();
    load.goes_on_for(ANSWERS).await;
    let calls = load.measured();
    tell(&format!("nats_away: {calls}"));
    assert_eq!(calls.failures().count(), 0, "{calls}");

    // What is on its way to a stopped consumer is only in the stream, which is then lost.
    let stopped = scene.platform.server("notification-1").terminate().await;
    assert!(stopped.success(), "{stopped}");
    let url = scene.platform.nats().expect("a bus").url().to_owned();
    // Answers do not wait for the bus, whose relays may only just have found it again.
    eventually("what only the stream has", || async {
        let waiting = block_in_place(|| not_delivered(&url, STREAM, LETTERS))?;
        if waiting < LOST { Err(format!("{waiting} messages wait for {LETTERS}")) } else { Ok(()) }
    })
    .await;
    block_in_place(|| delete_stream(&url, STREAM)).unwrap();
    load.goes_on_for(ANSWERS).await;
    let (acknowledged, calls) = load.stop_measured().await;
    tell(&format!("stream deleted: {calls}"));
    assert_eq!(calls.failures().count(), 0, "{calls}");
    scene.platform.server("notification-1").restart().await;
    // Nobody else has what was lost: without being told again it stays unheard.
    let (code, said) = scene.platform.command(&["audit"]).await;
    assert_eq!(code, 1, "{said}");

    let (code, said) = scene.platform.command(&["replay", "--since", "1h"]).await;
    assert_eq!(code, 0, "{said}");
    tell(said.trim_end());
    scene.all_is_well(&acknowledged).await;
    eventually("an inbox", || async {
        let buyer = scene.buyer(0);
        let rows = faults::all_rows(&scene.platform.http, &buyer, "notifications").await?;
        if rows.is_empty() { Err("nothing in it".to_owned()) } else { Ok(()) }
    })
    .await;
}
