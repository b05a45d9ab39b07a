//! Handled messages, answered keys and outgoing messages: durable with the change, refused together.

use futures::future::join_all;
use kernel::{Committed, KeyedReply, ReplyChange, ReplyKey};
use sea_orm_database::{Marks, find_reply, park};
use tokio_util::task::TaskTracker;

use crate::support::{Engine, Scene, cause, commit, marks_of, message, rows, scene};

over_every_engine!(
    r29_the_same_cause_twice_is_one_commit,
    i6_of_twenty_racers_for_one_key_one_wins,
    i6_an_answer_begun_is_completed_by_its_resource,
    r38_a_key_of_another_scope_is_another_key,
    one_commit_writes_a_version_of_an_aggregate,
    r18_a_parked_message_is_kept_once_and_counts_as_handled,
);

fn key(text: &str) -> ReplyKey {
    ReplyKey { scope: "alice Book".into(), key: text.into(), fingerprint: vec![7; 32] }
}

async fn reply(scene: &Scene, reply: ReplyChange) -> Committed {
    commit(&scene.db, Marks { reply, ..Marks::default() }).await.unwrap()
}

async fn r29_the_same_cause_twice_is_one_commit(engine: Engine) {
    let scene = scene(engine).await;
    let taken = message("foreign", 1);
    for (version, verdict) in [(1, Committed::Done), (2, Committed::AlreadyHandled)] {
        let marks = Marks { caused_by: cause(taken.id), ..marks_of(vec![message("own", version)]) };
        assert_eq!(commit(&scene.db, marks).await, Ok(verdict));
    }
    assert_eq!(rows(&scene.db, "outbox").await, 1);
    let other_consumer = kernel::Cause { consumer: "other", event_id: taken.id };
    let marks = Marks { caused_by: Some(other_consumer), ..Marks::default() };
    assert_eq!(commit(&scene.db, marks).await, Ok(Committed::Done));
}

async fn i6_of_twenty_racers_for_one_key_one_wins(engine: Engine) {
    let scene = scene(engine).await;
    let tasks = TaskTracker::new();
    let racers = (0..20_u8).map(|racer| {
        let record = ReplyChange::Record { key: key("one"), body: vec![racer] };
        let marks =
            Marks { reply: record, ..marks_of(vec![message(&format!("booking of {racer}"), 1)]) };
        let db = scene.db.clone();
        tasks.spawn(async move { commit(&db, marks).await.unwrap() })
    });
    let verdicts: Vec<_> = join_all(racers).await.into_iter().map(Result::unwrap).collect();
    let winner = verdicts.iter().position(|verdict| *verdict == Committed::Done).unwrap();
    assert_eq!(verdicts.iter().filter(|verdict| **verdict == Committed::KeyTaken).count(), 19);
    let found = find_reply(&scene.db, &key("one")).await.unwrap().unwrap();
    assert_eq!(found.body, Some(vec![u8::try_from(winner).unwrap()]));
    assert_eq!(rows(&scene.db, "outbox").await, 1, "losers leave no message");
}

async fn i6_an_answer_begun_is_completed_by_its_resource(engine: Engine) {
    let scene = scene(engine).await;
    let begin = |text| ReplyChange::Begin { key: key(text), resource_id: "booking 1".into() };
    assert_eq!(reply(&scene, begin("first")).await, Committed::Done);
    assert_eq!(reply(&scene, begin("first")).await, Committed::KeyTaken);
    assert_eq!(reply(&scene, begin("second")).await, Committed::Done);
    let known =
        |body| KeyedReply { fingerprint: vec![7; 32], resource_id: "booking 1".into(), body };
    assert_eq!(find_reply(&scene.db, &key("first")).await, Ok(Some(known(None))));
    for (resource, body, then) in [
        ("booking 2", vec![2], None),
        ("booking 1", vec![1], Some(vec![1])),
        ("booking 1", vec![3], Some(vec![1])),
    ] {
        let complete = ReplyChange::Complete { resource_id: resource.into(), body };
        assert_eq!(reply(&scene, complete).await, Committed::Done);
        for text in ["first", "second"] {
            assert_eq!(find_reply(&scene.db, &key(text)).await, Ok(Some(known(then.clone()))));
        }
    }
}

async fn r38_a_key_of_another_scope_is_another_key(engine: Engine) {
    let scene = scene(engine).await;
    let other = ReplyKey { scope: "bob Book".into(), ..key("one") };
    for key in [key("one"), other.clone()] {
        let record = ReplyChange::Record { key, body: vec![] };
        assert_eq!(reply(&scene, record).await, Committed::Done);
    }
    let found = find_reply(&scene.db, &other).await.unwrap().unwrap();
    assert_eq!(found.body, Some(vec![]), "an empty answer is an answer");
}

async fn one_commit_writes_a_version_of_an_aggregate(engine: Engine) {
    let scene = scene(engine).await;
    assert_eq!(commit(&scene.db, marks_of(vec![message("a", 1)])).await, Ok(Committed::Done));
    let rival = marks_of(vec![message("b", 1), message("a", 1)]);
    assert_eq!(commit(&scene.db, rival).await, Ok(Committed::Stale));
    assert_eq!(rows(&scene.db, "outbox").await, 1);
}

async fn r18_a_parked_message_is_kept_once_and_counts_as_handled(engine: Engine) {
    let scene = scene(engine).await;
    let poison = message("a", 1);
    for _ in 0..2 {
        park(&scene.db, "scene", &poison, "unreadable").await.unwrap();
    }
    assert_eq!(rows(&scene.db, "dead_letter").await, 1);
    let marks = Marks { caused_by: cause(poison.id), ..Marks::default() };
    assert_eq!(commit(&scene.db, marks).await, Ok(Committed::AlreadyHandled));

    let handled = message("a", 2);
    let marks = Marks { caused_by: cause(handled.id), ..Marks::default() };
    assert_eq!(commit(&scene.db, marks).await, Ok(Committed::Done));
    park(&scene.db, "scene", &handled, "too late").await.unwrap();
    assert_eq!(rows(&scene.db, "dead_letter").await, 1, "what was handled is not parked");
}
