//! What has served its purpose goes after its time; what has not, stays.

use std::time::Duration;

use kernel::{Committed, ReplyChange, ReplyKey};
use sea_orm_database::{Marks, database_now, park};

use crate::support::{Engine, cause, commit, execute, marks_of, message, rows, scene};

over_every_engine!(
    r42_marks_outlive_messages_and_both_go_in_time,
    row24_a_key_is_taken_for_days_and_free_again_in_time,
);

async fn r42_marks_outlive_messages_and_both_go_in_time(engine: Engine) {
    let scene = scene(engine).await;
    for chunk in 0..3 {
        let messages = (1..=700).map(|version| message(&format!("a{chunk}"), version)).collect();
        assert_eq!(commit(&scene.db, marks_of(messages)).await, Ok(Committed::Done));
    }
    let publish_all = scene.db.write("publishing", |tx| {
        Box::pin(execute(tx, "UPDATE outbox SET published_at_us = created_at_us"))
    });
    assert_eq!(publish_all.await, Ok(2100));
    let unpublished = message("b", 1);
    let key = ReplyKey { scope: "s".into(), key: "k".into(), fingerprint: vec![] };
    let marks = Marks {
        caused_by: cause(unpublished.id),
        reply: ReplyChange::Record { key, body: vec![] },
        messages: vec![unpublished],
        ..Marks::default()
    };
    assert_eq!(commit(&scene.db, marks).await, Ok(Committed::Done));
    park(&scene.db, "scene", &message("c", 1), "unreadable").await.unwrap();

    let now = database_now(scene.db.reader()).await.unwrap();
    let days = |days: u64| now.plus(Duration::from_secs(days * 24 * 60 * 60));
    for (at, deleted, [outbox, inbox, reply]) in [
        (days(6), 0, [2101, 2, 1]),
        (days(8), 2101, [1, 2, 0]),
        (days(13), 0, [1, 2, 0]),
        (days(15), 2, [1, 0, 0]),
        (days(1000), 0, [1, 0, 0]),
    ] {
        assert_eq!(scene.db.prune(at).await, Ok(deleted));
        assert_eq!(rows(&scene.db, "outbox").await, outbox);
        assert_eq!(rows(&scene.db, "inbox").await, inbox);
        assert_eq!(rows(&scene.db, "reply").await, reply);
        assert_eq!(rows(&scene.db, "dead_letter").await, 1);
    }
}

async fn row24_a_key_is_taken_for_days_and_free_again_in_time(engine: Engine) {
    let scene = scene(engine).await;
    let asked = |version| {
        let key = ReplyKey { scope: "s".into(), key: "k".into(), fingerprint: vec![] };
        let reply = ReplyChange::Record { key, body: vec![] };
        Marks { reply, messages: vec![message("a", version)], ..Marks::default() }
    };
    assert_eq!(commit(&scene.db, asked(1)).await, Ok(Committed::Done));
    let now = database_now(scene.db.reader()).await.unwrap();
    let days = |days: u64| now.plus(Duration::from_secs(days * 24 * 60 * 60));
    for day in [1, 6] {
        scene.db.prune(days(day)).await.unwrap();
        assert_eq!(commit(&scene.db, asked(2)).await, Ok(Committed::KeyTaken), "day {day}");
    }
    scene.db.prune(days(8)).await.unwrap();
    assert_eq!(commit(&scene.db, asked(2)).await, Ok(Committed::Done), "free again");
}
