//! A consumer's dead letters: listed, tried again when somebody asks, handled once.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use kernel::{Committed, Envelope, EventHandler, HandlerError};
use sea_orm_database::{Database, DeadLetter, DeadLetters, Marks, park};

use crate::support::{Engine, Scene, cause, commit, message, rows, scene, tamper};

over_every_engine!(
    a_letter_is_handled_once_after_somebody_asked,
    a_letter_that_fails_again_is_set_aside_with_its_new_reason,
    a_failure_that_may_pass_keeps_the_wish_for_another_try,
    tries_end_though_the_failure_never_passes_or_kills_the_server,
    a_letter_that_was_handled_on_another_way_is_forgotten,
    a_letter_that_cannot_be_read_stops_no_other,
);

/// Handles as the test says, and well when it says no more.
struct Consumer {
    db: Database,
    failures: Mutex<VecDeque<HandlerError>>,
    tries: AtomicUsize,
}

impl Consumer {
    fn failing(db: &Database, failures: impl IntoIterator<Item = HandlerError>) -> Self {
        let failures = Mutex::new(failures.into_iter().collect());
        Self { db: db.clone(), failures, tries: AtomicUsize::new(0) }
    }

    fn tries(&self) -> usize {
        self.tries.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl EventHandler for Consumer {
    fn name(&self) -> &'static str {
        "scene"
    }

    fn event_names(&self) -> &'static [&'static str] {
        &["Happened"]
    }

    async fn handle(&self, message: &Envelope) -> Result<(), HandlerError> {
        self.tries.fetch_add(1, Ordering::SeqCst);
        if let Some(failure) = self.failures.lock().unwrap().pop_front() {
            return Err(failure);
        }
        let handled = commit(&self.db, Marks { caused_by: cause(message.id), ..Marks::default() });
        assert_eq!(handled.await, Ok(Committed::Done));
        Ok(())
    }

    async fn park(&self, message: &Envelope, reason: &str) -> Result<(), HandlerError> {
        park(&self.db, self.name(), message, reason).await.map_err(|error| HandlerError::of(&error))
    }
}

fn away() -> HandlerError {
    HandlerError::Transient("a server is away".to_owned())
}

/// A scene with one dead letter, and its message.
async fn parked(engine: Engine) -> (Scene, Envelope) {
    let scene = scene(engine).await;
    let poison = message("a", 1);
    park(&scene.db, "scene", &poison, "unreadable").await.unwrap();
    (scene, poison)
}

async fn the_letter(db: &Database) -> DeadLetter {
    let mut letters = db.dead_letters(100).await.unwrap().letters;
    assert_eq!(letters.len(), 1, "{letters:?}");
    letters.remove(0)
}

/// As if the pause before the next try were over.
async fn time_passes(db: &Database) {
    tamper(db, "UPDATE dead_letter SET retry_at_us = 1 WHERE retry_at_us IS NOT NULL").await;
}

async fn a_letter_is_handled_once_after_somebody_asked(engine: Engine) {
    let (scene, poison) = parked(engine).await;
    let consumer = Consumer::failing(&scene.db, []);
    let letter = the_letter(&scene.db).await;
    assert_eq!((letter.consumer.as_str(), &letter.message), ("scene", &poison));
    assert_eq!((letter.reason.as_str(), letter.retrying), ("unreadable", false));
    assert_eq!(scene.db.retry_pass(&consumer).await, Ok(false));
    assert_eq!(consumer.tries(), 0, "nobody has asked");

    assert_eq!(scene.db.retry_dead_letters(Some(message("b", 1).id)).await, Ok(0));
    assert_eq!(scene.db.retry_dead_letters(None).await, Ok(1));
    assert_eq!(scene.db.retry_dead_letters(Some(poison.id)).await, Ok(0), "asked already");
    assert!(the_letter(&scene.db).await.retrying);
    let replica = scene.open_again().await;
    let passes = futures::join!(scene.db.retry_pass(&consumer), replica.retry_pass(&consumer));
    assert_eq!(passes, (Ok(false), Ok(false)));
    assert_eq!(consumer.tries(), 1, "of two servers one makes the try");
    assert_eq!(scene.db.dead_letters(100).await, Ok(DeadLetters::default()));
    assert_eq!(rows(&scene.db, "inbox").await, 1);
}

async fn a_letter_that_fails_again_is_set_aside_with_its_new_reason(engine: Engine) {
    let (scene, poison) = parked(engine).await;
    let failure = HandlerError::Poison("of a version from the future".to_owned());
    let consumer = Consumer::failing(&scene.db, [failure]);
    for tries in [1, 1] {
        if consumer.tries() == 0 {
            assert_eq!(scene.db.retry_dead_letters(Some(poison.id)).await, Ok(1));
        }
        assert_eq!(scene.db.retry_pass(&consumer).await, Ok(false));
        assert_eq!(consumer.tries(), tries, "one try for one wish");
        let letter = the_letter(&scene.db).await;
        assert!(letter.reason.contains("from the future") && !letter.retrying, "{letter:?}");
        assert_eq!(letter.message, poison);
    }
    let again = Marks { caused_by: cause(poison.id), ..Marks::default() };
    assert_eq!(
        commit(&scene.db, again).await,
        Ok(Committed::AlreadyHandled),
        "it counts as handled"
    );
    assert_eq!(scene.db.retry_dead_letters(None).await, Ok(1), "and may be asked for again");
    assert_eq!(scene.db.retry_pass(&consumer).await, Ok(false));
    assert_eq!(scene.db.dead_letters(100).await, Ok(DeadLetters::default()));
}

async fn a_failure_that_may_pass_keeps_the_wish_for_another_try(engine: Engine) {
    let (scene, _poison) = parked(engine).await;
    let consumer = Consumer::failing(&scene.db, [away(), away()]);
    assert_eq!(scene.db.retry_dead_letters(None).await, Ok(1));
    for tries in 1..=2 {
        for _ in 0..2 {
            assert_eq!(scene.db.retry_pass(&consumer).await, Ok(false));
        }
        assert_eq!(consumer.tries(), tries, "a pause lies between two tries");
        let letter = the_letter(&scene.db).await;
        assert_eq!((letter.reason.as_str(), letter.retrying), ("a server is away", true));
        time_passes(&scene.db).await;
    }
    assert_eq!(scene.db.retry_pass(&consumer).await, Ok(false));
    assert_eq!(scene.db.dead_letters(100).await, Ok(DeadLetters::default()));
    assert_eq!(rows(&scene.db, "inbox").await, 1);
}

async fn tries_end_though_the_failure_never_passes_or_kills_the_server(engine: Engine) {
    let (scene, _poison) = parked(engine).await;
    let consumer = Consumer::failing(&scene.db, (0..50).map(|_| away()));
    assert_eq!(scene.db.retry_dead_letters(None).await, Ok(1));
    while the_letter(&scene.db).await.retrying {
        time_passes(&scene.db).await;
        assert_eq!(scene.db.retry_pass(&consumer).await, Ok(false));
        assert!(consumer.tries() <= 20);
    }
    assert_eq!(consumer.tries(), 20);
    assert!(the_letter(&scene.db).await.reason.contains("a server is away"));

    // As after twenty servers that ended within their tries.
    assert_eq!(scene.db.retry_dead_letters(None).await, Ok(1));
    tamper(&scene.db, "UPDATE dead_letter SET tries = 20, retry_at_us = 1").await;
    assert_eq!(scene.db.retry_pass(&consumer).await, Ok(false));
    assert_eq!(consumer.tries(), 20);
    assert!(!the_letter(&scene.db).await.retrying);
}

async fn a_letter_that_was_handled_on_another_way_is_forgotten(engine: Engine) {
    let (scene, poison) = parked(engine).await;
    assert_eq!(scene.db.retry_dead_letters(None).await, Ok(1));
    let redelivered = Marks { caused_by: cause(poison.id), ..Marks::default() };
    assert_eq!(commit(&scene.db, redelivered).await, Ok(Committed::Done));
    let failure = HandlerError::Poison("unreadable".to_owned());
    let consumer = Consumer::failing(&scene.db, [failure]);
    assert_eq!(scene.db.retry_pass(&consumer).await, Ok(false));
    assert_eq!(scene.db.dead_letters(100).await, Ok(DeadLetters::default()));
}

async fn a_letter_that_cannot_be_read_stops_no_other(engine: Engine) {
    let (scene, _damaged) = parked(engine).await;
    tamper(&scene.db, "UPDATE dead_letter SET event_id = 'no id'").await;
    let whole = message("b", 1);
    park(&scene.db, "scene", &whole, "unreadable").await.unwrap();
    assert_eq!(scene.db.retry_dead_letters(None).await, Ok(2));
    let consumer = Consumer::failing(&scene.db, []);
    assert_eq!(scene.db.retry_pass(&consumer).await, Ok(false));
    assert_eq!(consumer.tries(), 1);
    let DeadLetters { letters, unreadable } = scene.db.dead_letters(100).await.unwrap();
    assert_eq!(letters, []);
    assert!(unreadable[0].to_string().contains("no id"), "{unreadable:?}");
}
