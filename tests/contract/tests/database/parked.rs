//! What the bus refuses for good is set aside, and what was published is published again when somebody asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures::FutureExt;
use kernel::{Committed, PublishError, Timestamp};
use sea_orm_database::{Database, DeadLetter};
use testkit::eventually;

use crate::relay::{order, send, start};
use crate::support::{Engine, Recorder, commit, marks_of, message, scene, tamper};

over_every_engine!(
    r18_a_message_refused_too_often_is_parked_until_somebody_asks,
    a_message_is_never_parked_because_the_bus_is_away,
    what_was_published_since_is_published_again_and_nothing_before,
    a_message_that_cannot_be_read_is_set_aside_and_stops_no_other,
);

async fn letters(db: &Database) -> Vec<DeadLetter> {
    db.dead_letters(100).await.unwrap().letters
}

/// A refusal for the head of `bad` while the switch is on, and how often there was one.
fn refusing() -> (Arc<Recorder>, Arc<AtomicBool>, Arc<AtomicUsize>) {
    let (on, count) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
    let (switch, counter) = (on.clone(), count.clone());
    let publisher = Recorder::deciding(move |message| {
        let head = message.aggregate_id == "bad" && message.aggregate_version == 1;
        let refuse = head && switch.load(Ordering::SeqCst);
        counter.fetch_add(usize::from(refuse), Ordering::SeqCst);
        Box::pin(async move {
            if refuse { Err(PublishError::Refused("too large".to_owned())) } else { Ok(()) }
        })
    });
    (publisher, on, count)
}

async fn r18_a_message_refused_too_often_is_parked_until_somebody_asks(engine: Engine) {
    let scene = scene(engine).await;
    let db = &scene.db;
    let head = message("bad", 1);
    assert_eq!(commit(db, marks_of(vec![head.clone()])).await, Ok(Committed::Done));
    send(db, "bad", 2).await;
    // As after some minutes: the pauses between refusals grow.
    tamper(db, "UPDATE outbox SET refusals = 19, attempts = 0 WHERE version = 1").await;
    let (publisher, refuses, refusals) = refusing();
    let running = start(db, publisher.clone(), "relay");
    let parked = eventually("a parked message", async || match letters(db).await {
        none if none.is_empty() => Err("no dead letter"),
        letters => Ok(letters),
    });
    let parked = parked.await;
    assert_eq!(parked.len(), 1);
    assert_eq!((parked[0].consumer.as_str(), &parked[0].message), ("relay", &head));
    assert!(parked[0].reason.contains("too large") && !parked[0].retrying, "{parked:?}");
    assert_eq!(refusals.load(Ordering::SeqCst), 2, "the twentieth and the one past it");

    send(db, "bad", 3).await;
    for version in 1..=20 {
        send(db, "good", version).await;
    }
    let accepted = publisher.until(|accepted| accepted.len() >= 20).await;
    assert!(accepted.iter().all(|(aggregate, _)| aggregate == "good"), "{accepted:?}");
    running.stop().await;
    // A relay that starts later passes it over as well.
    let running = start(db, publisher.clone(), "another relay");
    send(db, "good", 21).await;
    publisher.until(|accepted| accepted.len() >= 21).await;
    assert_eq!(refusals.load(Ordering::SeqCst), 2);

    refuses.store(false, Ordering::SeqCst);
    assert_eq!(db.retry_dead_letters(Some(head.id)).await, Ok(1));
    let accepted = publisher.until(|accepted| accepted.len() >= 24).await;
    assert_eq!(order(&accepted)["bad"], [1, 2, 3]);
    running.stop().await;
    assert_eq!(letters(db).await, []);
    assert_eq!(db.retry_dead_letters(None).await, Ok(0));
    assert_eq!(db.outbox_lag().await.unwrap().unpublished, 0);
}

async fn a_message_is_never_parked_because_the_bus_is_away(engine: Engine) {
    let scene = scene(engine).await;
    send(&scene.db, "a", 1).await;
    tamper(&scene.db, "UPDATE outbox SET refusals = 20").await;
    let tries = AtomicUsize::new(0);
    let publisher = Recorder::deciding(move |_| {
        let away = tries.fetch_add(1, Ordering::SeqCst) < 3;
        Box::pin(async move {
            if away { Err(PublishError::Away("no connection".to_owned())) } else { Ok(()) }
        })
    });
    let running = start(&scene.db, publisher.clone(), "relay");
    publisher.until(|accepted| accepted.len() == 1).await;
    running.stop().await;
    assert_eq!(letters(&scene.db).await, []);
}

async fn what_was_published_since_is_published_again_and_nothing_before(engine: Engine) {
    const VERSIONS: i64 = 600;
    let scene = scene(engine).await;
    let db = &scene.db;
    send(db, "before", 1).await;
    let many = (1..=VERSIONS).map(|version| message("since", version)).collect();
    assert_eq!(commit(db, marks_of(many)).await, Ok(Committed::Done));
    let publisher = Recorder::accepting();
    let running = start(db, publisher.clone(), "relay");
    eventually("an empty outbox", async || match db.outbox_lag().await.unwrap().unpublished {
        0 => Ok(()),
        unpublished => Err(unpublished),
    })
    .await;
    running.stop().await;
    let first = publisher.accepted().len();
    tamper(db, "UPDATE outbox SET published_at_us = 1000 WHERE aggregate_id = 'before'").await;

    let mut commits = db.committed();
    assert_eq!(db.replay_since(Timestamp::from_micros(1001)).await, Ok(600));
    assert!(commits.notified().now_or_never().is_some(), "the relay hears of it");
    let running = start(db, publisher.clone(), "relay");
    let accepted = publisher.until(|accepted| accepted.len() >= first + 600).await;
    running.stop().await;
    let again: Vec<i64> = accepted[first..].iter().map(|(_, version)| *version).collect();
    assert_eq!(again, (1..=VERSIONS).collect::<Vec<_>>(), "in their order");
    assert!(accepted[first..].iter().all(|(aggregate, _)| aggregate == "since"));
    assert_eq!(db.outbox_lag().await.unwrap().unpublished, 0);
}

async fn a_message_that_cannot_be_read_is_set_aside_and_stops_no_other(engine: Engine) {
    let scene = scene(engine).await;
    send(&scene.db, "damaged", 1).await;
    tamper(&scene.db, "UPDATE outbox SET id = 'no id'").await;
    send(&scene.db, "damaged", 2).await;
    send(&scene.db, "good", 1).await;
    let publisher = Recorder::accepting();
    let running = start(&scene.db, publisher.clone(), "relay");
    let accepted = publisher.until(|accepted| !accepted.is_empty()).await;
    assert_eq!(accepted, [("good".to_owned(), 1)]);
    let unreadable = scene.db.dead_letters(100).await.unwrap().unreadable;
    assert!(unreadable[0].to_string().contains("no id"), "{unreadable:?}");
    running.stop().await;
}
