//! From the outbox to the bus: nothing lost, each aggregate in order, nobody waiting for a stranger.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::pending;
use kernel::{Committed, PublishError, Publisher};
use sea_orm_database::{Database, Lease, Relay};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::support::{Call, Engine, Recorder, commit, in_time, marks_of, message, number, scene};

over_every_engine!(
    each_aggregate_in_order_though_publishing_fails,
    r17_a_crash_between_publishing_and_marking_repeats_but_loses_nothing,
    r20_a_relay_that_was_deposed_marks_nothing,
    r18_a_message_that_always_fails_blocks_nobody_else,
    an_absent_bus_is_asked_with_one_message_at_a_time,
    a_slow_subscriber_of_one_aggregate_holds_up_no_other,
    of_two_relays_one_leads_and_the_other_takes_over,
    a_publisher_that_panics_has_failed_like_any_other,
    a_message_arrives_as_it_was_committed,
);

pub(crate) struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        in_time(self.task).await.unwrap();
    }
}

pub(crate) fn start(db: &Database, publisher: Arc<dyn Publisher>, owner: &str) -> Running {
    let stop = CancellationToken::new();
    let relay = Relay::new(db.clone(), publisher, owner.to_owned());
    let task = TaskTracker::new().spawn(relay.run(stop.clone()));
    Running { stop, task }
}

pub(crate) async fn send(db: &Database, aggregate: &str, version: i64) {
    let sent = commit(db, marks_of(vec![message(aggregate, version)])).await;
    assert_eq!(sent, Ok(Committed::Done));
}

fn refused() -> Result<(), PublishError> {
    Err(PublishError::Away("refused by the test".to_owned()))
}

/// Versions by aggregate in the order of their acceptance, repetitions left out.
pub(crate) fn order(accepted: &[Call]) -> HashMap<&str, Vec<i64>> {
    let mut order: HashMap<&str, Vec<i64>> = HashMap::new();
    for (aggregate, version) in accepted {
        let versions = order.entry(aggregate).or_default();
        if !versions.contains(version) {
            versions.push(*version);
        }
    }
    order
}

async fn each_aggregate_in_order_though_publishing_fails(engine: Engine) {
    const AGGREGATES: i64 = 30;
    const VERSIONS: i64 = 20;
    let seed: u32 = rand::random();
    println!("seed {seed}");
    let refused_once = Mutex::new(Vec::new());
    let publisher = Recorder::deciding(move |message| {
        let lot = message.id.as_uuid().as_u128() as u32 ^ seed;
        let mut refused_once = refused_once.lock().unwrap();
        let refuse =
            lot.wrapping_mul(2_654_435_761) >> 28 == 0 && !refused_once.contains(&message.id);
        if refuse {
            refused_once.push(message.id);
        }
        Box::pin(async move { if refuse { refused() } else { Ok(()) } })
    });
    let scene = scene(engine).await;
    let running = start(&scene.db, publisher.clone(), "relay");
    for version in 1..=VERSIONS {
        let each = (0..AGGREGATES).map(|aggregate| message(&format!("{aggregate}"), version));
        assert_eq!(commit(&scene.db, marks_of(each.collect())).await, Ok(Committed::Done));
    }
    let all = usize::try_from(AGGREGATES * VERSIONS).unwrap();
    let accepted = publisher.until(|accepted| accepted.len() >= all).await;
    for (aggregate, versions) in order(&accepted) {
        assert_eq!(versions, (1..=VERSIONS).collect::<Vec<_>>(), "aggregate {aggregate}");
    }
    running.stop().await;
    assert_eq!(scene.db.outbox_lag().await.unwrap().unpublished, 0);
}

async fn r17_a_crash_between_publishing_and_marking_repeats_but_loses_nothing(engine: Engine) {
    let scene = scene(engine).await;
    for version in 1..=3 {
        send(&scene.db, "a", version).await;
    }
    // Accepts the first, then never answers again: the relay dies without having marked anything.
    let reached_second = Arc::new(Notify::new());
    let reached = reached_second.clone();
    let first_relays = Recorder::deciding(move |message| {
        let second = message.aggregate_version == 2;
        let reached = reached.clone();
        Box::pin(async move {
            if second {
                reached.notify_one();
                pending::<()>().await;
            }
            Ok(())
        })
    });
    let crashing = start(&scene.db, first_relays.clone(), "relay");
    in_time(reached_second.notified()).await;
    crashing.task.abort();
    assert!(crashing.task.await.is_err());
    assert_eq!(first_relays.accepted(), [("a".to_owned(), 1)]);

    let publisher = Recorder::accepting();
    let running = start(&scene.db, publisher.clone(), "relay");
    let accepted = publisher.until(|accepted| accepted.len() >= 3).await;
    assert_eq!(accepted, [1, 2, 3].map(|version| ("a".to_owned(), version)));
    running.stop().await;
}

/// The lease is taken away while a message is on its way: its publication does not count.
async fn r20_a_relay_that_was_deposed_marks_nothing(engine: Engine) {
    let scene = scene(engine).await;
    let (reached, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (reaches, goes) = (reached.clone(), go.clone());
    let publisher = Recorder::deciding(move |_| {
        let (reaches, goes) = (reaches.clone(), goes.clone());
        Box::pin(async move {
            reaches.notify_one();
            goes.notified().await;
            Ok(())
        })
    });
    let running = start(&scene.db, publisher.clone(), "relay");
    send(&scene.db, "a", 1).await;
    in_time(reached.notified()).await;
    let usurper = Lease::acquire(&scene.db, "relay", "relay", Duration::from_secs(60)).await;
    let usurper = usurper.unwrap().unwrap();
    go.notify_one();
    publisher.until(|accepted| accepted.len() == 1).await;
    usurper.release(&scene.db).await.unwrap();
    in_time(reached.notified()).await;
    go.notify_one();
    publisher.until(|accepted| accepted.len() == 2).await;
    running.stop().await;
    assert_eq!(scene.db.outbox_lag().await.unwrap().unpublished, 0);
}

/// More messages of the blocked aggregate than the relay reads at a time.
async fn r18_a_message_that_always_fails_blocks_nobody_else(engine: Engine) {
    let scene = scene(engine).await;
    let poison = (1..=1200).map(|version| message("poison", version)).collect();
    assert_eq!(commit(&scene.db, marks_of(poison)).await, Ok(Committed::Done));
    for aggregate in 0..50 {
        send(&scene.db, &format!("{aggregate}"), 1).await;
    }
    let publisher = Recorder::deciding(|message| {
        let poison = message.aggregate_id == "poison";
        Box::pin(async move { if poison { refused() } else { Ok(()) } })
    });
    let running = start(&scene.db, publisher.clone(), "relay");
    let accepted = publisher.until(|accepted| accepted.len() >= 50).await;
    assert!(accepted.iter().all(|(aggregate, _)| aggregate != "poison"));
    running.stop().await;
    let tried = "SELECT COUNT(*) FROM outbox WHERE attempts > 0 AND last_error IS NOT NULL";
    assert_eq!(number(scene.db.reader(), tried).await, Ok(1), "only the head was tried");
    let lag = scene.db.outbox_lag().await.unwrap();
    assert_eq!(lag.unpublished, 1200);
    assert!(!lag.oldest_age.is_zero());

    // Another relay takes over where this one ended, and once the trouble is over all of it goes out.
    let publisher = Recorder::accepting();
    let running = start(&scene.db, publisher.clone(), "another relay");
    let accepted = publisher.until(|accepted| accepted.len() >= 1200).await;
    assert_eq!(order(&accepted)["poison"], (1..=1200).collect::<Vec<_>>());
    running.stop().await;
}

/// All of them are tried at once, before anything is known of the bus, and fewer than there are lanes.
async fn an_absent_bus_is_asked_with_one_message_at_a_time(engine: Engine) {
    const AGGREGATES: usize = 40;
    const BACK_AFTER: usize = AGGREGATES + 4;
    let scene = scene(engine).await;
    for aggregate in 0..AGGREGATES {
        send(&scene.db, &format!("{aggregate}"), 1).await;
    }
    let (tries, asking) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let crowded = Arc::new(AtomicBool::new(false));
    let is_crowded = crowded.clone();
    let publisher = Recorder::deciding(move |_| {
        let (asking, is_crowded) = (asking.clone(), is_crowded.clone());
        let number = tries.fetch_add(1, Ordering::SeqCst);
        let beside = asking.fetch_add(1, Ordering::SeqCst);
        if (AGGREGATES..BACK_AFTER).contains(&number) && beside > 0 {
            is_crowded.store(true, Ordering::SeqCst);
        }
        Box::pin(async move {
            // It takes its time to say no, in which others would be asked as well.
            tokio::time::sleep(Duration::from_millis(100)).await;
            asking.fetch_sub(1, Ordering::SeqCst);
            if number < BACK_AFTER { refused() } else { Ok(()) }
        })
    });
    let running = start(&scene.db, publisher.clone(), "relay");
    publisher.until(|accepted| accepted.len() >= AGGREGATES).await;
    running.stop().await;
    assert!(!crowded.load(Ordering::SeqCst), "one at a time while it was away");
}

async fn a_slow_subscriber_of_one_aggregate_holds_up_no_other(engine: Engine) {
    let scene = scene(engine).await;
    let released = Arc::new(Notify::new());
    let gate = released.clone();
    let publisher = Recorder::deciding(move |message| {
        let (slow, gate) = (message.aggregate_id == "slow", gate.clone());
        Box::pin(async move {
            if slow {
                gate.notified().await;
            }
            Ok(())
        })
    });
    let running = start(&scene.db, publisher.clone(), "relay");
    // More than the relay reads at once.
    let many = (1..=1_200).map(|version| message("slow", version)).collect();
    assert_eq!(commit(&scene.db, marks_of(many)).await, Ok(Committed::Done));
    for version in 1..=20 {
        send(&scene.db, "quick", version).await;
    }
    let accepted = publisher.until(|accepted| accepted.len() >= 20).await;
    assert!(accepted.iter().all(|(aggregate, _)| aggregate == "quick"));
    released.notify_one();
    publisher.until(|accepted| accepted.contains(&("slow".to_owned(), 1))).await;
    released.notify_one();
    publisher.until(|accepted| accepted.contains(&("slow".to_owned(), 2))).await;
    running.stop().await;
}

async fn of_two_relays_one_leads_and_the_other_takes_over(engine: Engine) {
    let scene = scene(engine).await;
    let publishers = [Recorder::accepting(), Recorder::accepting()];
    let first = start(&scene.db, publishers[0].clone(), "first");
    send(&scene.db, "before both", 1).await;
    publishers[0].until(|accepted| accepted.len() == 1).await;
    let second = start(&scene.db, publishers[1].clone(), "second");
    for version in 1..=100 {
        send(&scene.db, "a", version).await;
    }
    publishers[0].until(|accepted| accepted.len() == 101).await;
    assert_eq!(publishers[1].accepted(), []);
    first.stop().await;
    send(&scene.db, "after", 1).await;
    let accepted = publishers[1].until(|accepted| !accepted.is_empty()).await;
    assert_eq!(accepted, [("after".to_owned(), 1)]);
    assert_eq!(publishers[0].accepted().len(), 101);
    second.stop().await;
}

async fn a_publisher_that_panics_has_failed_like_any_other(engine: Engine) {
    let scene = scene(engine).await;
    let panicked = AtomicBool::new(false);
    let publisher = Recorder::deciding(move |_| {
        assert!(panicked.swap(true, Ordering::SeqCst), "panics once");
        Box::pin(async { Ok(()) })
    });
    send(&scene.db, "a", 1).await;
    let running = start(&scene.db, publisher.clone(), "relay");
    publisher.until(|accepted| accepted.len() == 1).await;
    running.stop().await;
}

async fn a_message_arrives_as_it_was_committed(engine: Engine) {
    let scene = scene(engine).await;
    let sent = message("a", 1);
    let marks = marks_of(vec![sent.clone()]);
    assert_eq!(commit(&scene.db, marks).await, Ok(Committed::Done));
    let (arrived, arrival) = tokio::sync::oneshot::channel();
    let arrived = Mutex::new(Some(arrived));
    let publisher = Recorder::deciding(move |message| {
        if let Some(arrived) = arrived.lock().unwrap().take() {
            arrived.send(message.clone()).unwrap();
        }
        Box::pin(async { Ok(()) })
    });
    let running = start(&scene.db, publisher, "relay");
    assert_eq!(in_time(arrival).await, Ok(sent));
    running.stop().await;
}
