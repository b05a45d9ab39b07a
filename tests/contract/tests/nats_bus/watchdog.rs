//! Pulls that say all is well and bring nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use async_nats::datetime;
use futures::StreamExt;
use kernel::Publisher;

use crate::recorder::Recorder;
use crate::scene::{Scene, message, soon};

const HOUR: Duration = Duration::from_secs(3600);

/// A paused consumer looks like that: its server answers, and gives nothing out.
#[tokio::test]
async fn pulls_that_bring_nothing_while_messages_wait_begin_anew_over_another_subscription() {
    let mut scene = Scene::shared().await;
    scene.settings.delivery.stuck_after = Duration::from_secs(1);
    let consumer = Recorder::handling("stuck");
    let replica = scene.replica(consumer.clone()).await;
    assert_eq!(replica.bus.publish(&message(1)).await, Ok(()));
    soon("one", vec![1], async || consumer.numbers()).await;

    let stream = &scene.settings.stream;
    let asked = format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.stuck");
    let mut pulls = scene.js.client().subscribe(asked).await.unwrap();
    let later = datetime::add_std_duration(datetime::now(), HOUR).unwrap();
    scene.stream().await.pause_consumer("stuck", later).await.unwrap();
    assert_eq!(replica.bus.publish(&message(2)).await, Ok(()));
    // A pull names where its answers go to: the subscription.
    let mut subscriptions = BTreeSet::new();
    let two_more = async {
        while subscriptions.len() < 3 {
            let pull = pulls.next().await.unwrap();
            subscriptions.insert(pull.reply.unwrap().to_string());
        }
    };
    tokio::time::timeout(Duration::from_secs(30), two_more).await.unwrap();
    assert_eq!(consumer.numbers(), vec![1]);

    scene.stream().await.resume_consumer("stuck").await.unwrap();
    soon("two", vec![1, 2], async || consumer.numbers()).await;
    scene.end([replica.stop().await]).await;
}

/// Nothing to do is no trouble.
#[tokio::test]
async fn pulls_that_bring_nothing_because_nothing_waits_go_on() {
    let mut scene = Scene::shared().await;
    scene.settings.delivery.stuck_after = Duration::from_secs(1);
    let stream = &scene.settings.stream;
    let (pull, look) = (
        format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.idle"),
        format!("$JS.API.CONSUMER.INFO.{stream}.idle"),
    );
    let mut requests = scene.js.client().subscribe("$JS.API.CONSUMER.>").await.unwrap();
    let replica = scene.replica(Recorder::handling("idle")).await;
    let (mut subscriptions, mut looks_between) = (BTreeSet::new(), 0);
    let three_looks = async {
        while looks_between < 3 {
            let request = requests.next().await.unwrap();
            if request.subject.as_str() == pull {
                subscriptions.insert(request.reply.unwrap().to_string());
            } else if request.subject.as_str() == look && !subscriptions.is_empty() {
                looks_between += 1;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), three_looks).await.unwrap();
    assert_eq!(subscriptions.len(), 1, "{subscriptions:?}");
    scene.end([replica.stop().await]).await;
}
