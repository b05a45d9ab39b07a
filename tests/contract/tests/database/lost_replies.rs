//! A network that loses replies: what may have happened is found out, and nobody waits for ever.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kernel::{Committed, ReplyChange, ReplyKey, StoreError};
use sea_orm_database::{Marks, find_reply, write_marks};
use testkit::eventually;

use crate::proxy::Proxy;
use crate::support::{
    Engine, cause, commit, execute, in_time, marks_of, message, open, rows, scene,
};

over_every_server!(
    f16_a_commit_whose_reply_is_lost_has_one_effect,
    a_server_that_falls_silent_ends_a_write_in_bounded_time,
);

async fn f16_a_commit_whose_reply_is_lost_has_one_effect(engine: Engine) {
    let scene = scene(engine).await;
    let (proxy, url) = Proxy::before(engine, &scene.url).await;
    let db = open(&url).await;
    let key = ReplyKey { scope: "s".into(), key: "k".into(), fingerprint: vec![1] };
    let answer = ReplyChange::Record { key: key.clone(), body: vec![9] };
    let handled = message("foreign", 1).id;
    let commands = [
        (Marks { caused_by: cause(handled), ..Marks::default() }, Committed::AlreadyHandled),
        (Marks { reply: answer, ..Marks::default() }, Committed::KeyTaken),
        (Marks::default(), Committed::Stale),
    ];
    for (number, (marks, second)) in (1..).zip(commands) {
        let marks = Marks { messages: vec![message("own", number)], ..marks };
        proxy.eat_next_reply_to_commit();
        let run = db.commit("losing the reply", move |tx| {
            let marks = marks.clone();
            Box::pin(async move {
                let update = format!("INSERT INTO counter VALUES ('{}', 1)", rand::random::<u64>());
                execute(tx, &update).await?;
                write_marks(tx, marks).await
            })
        });
        let verdict = in_time(run).await;
        assert!(proxy.has_eaten(), "command {number}");
        assert_eq!(verdict, Ok(second), "the second run finds what the first one did");
        assert_eq!(rows(&scene.db, "counter").await, number);
        assert_eq!(rows(&scene.db, "outbox").await, number);
    }
    assert_eq!(find_reply(&db, &key).await.unwrap().unwrap().body, Some(vec![9]));
}

async fn a_server_that_falls_silent_ends_a_write_in_bounded_time(engine: Engine) {
    let scene = scene(engine).await;
    let (proxy, url) = Proxy::before(engine, &scene.url).await;
    let db = open(&url).await;
    let proxy = Arc::new(proxy);
    let silencing = proxy.clone();
    let begun = Instant::now();
    let stuck = db.write("being stuck", move |tx| {
        let silencing = silencing.clone();
        Box::pin(async move {
            execute(tx, "INSERT INTO counter VALUES ('stuck', 1)").await?;
            silencing.fall_silent(true);
            execute(tx, "INSERT INTO counter VALUES ('more', 1)").await
        })
    });
    let stuck = in_time(stuck).await;
    assert!(matches!(stuck, Err(StoreError::Unavailable { .. })), "{stuck:?}");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let asked = Instant::now();
    assert!(db.check().await.is_err());
    assert!(asked.elapsed() < Duration::from_millis(1500), "{:?}", asked.elapsed());

    proxy.fall_silent(false);
    db.check().await.unwrap();
    // Connections that fell silent are found dead one by one, while who wants one may be told to come again.
    eventually("a commit", async || match commit(&db, marks_of(vec![message("a", 1)])).await {
        Err(StoreError::Overloaded { doing }) => Err(doing),
        committed => {
            assert_eq!(committed, Ok(Committed::Done));
            Ok(())
        }
    })
    .await;
    assert_eq!(rows(&scene.db, "counter").await, 0, "what was stuck is rolled back");
}
