//! The consumers' side: everybody once, failures again, poison aside, and a stop that cuts nothing off.

use std::time::Duration;

use async_nats::HeaderMap;
use futures::future::join_all;
use kernel::{Envelope, Publisher};
use nats_bus::{DeliverySettings, NatsBus};
use telemetry_metrics::{Format, render};

use crate::recorder::{Act, Recorder, number};
use crate::scene::{Scene, message, soon};

async fn publish_all(bus: &NatsBus, numbers: std::ops::RangeInclusive<u128>) {
    let messages: Vec<_> = numbers.map(message).collect();
    for published in join_all(messages.iter().map(|message| bus.publish(message))).await {
        assert_eq!(published, Ok(()));
    }
}

#[tokio::test]
async fn every_consumer_handles_what_it_wants_once_and_as_it_was_published() {
    let scene = Scene::shared().await;
    let one = Recorder::handling("one.consumer");
    let two = Recorder::handling("two.consumer");
    let first = scene.replica(one.clone()).await;
    let second = scene.replica(two.clone()).await;
    let unwanted = Envelope { event_type: "boxoffice.scene.v1.Unheard".to_owned(), ..message(99) };
    assert_eq!(first.bus.publish(&unwanted).await, Ok(()));
    publish_all(&first.bus, 1..=40).await;
    for consumer in [&one, &two] {
        soon("all", (1..=40).collect(), async || consumer.numbers()).await;
        assert!(consumer.handled().iter().all(|seen| *seen == message(number(seen))));
    }
    let buses = [first.stop().await, second.stop().await];
    scene.end(buses).await;
}

#[tokio::test]
async fn n07_two_replicas_share_the_messages_of_one_consumer() {
    let scene = Scene::shared().await;
    let slowly = |_: &Envelope, _| Act::Slowly(Duration::from_millis(20));
    let (one, two) = (Recorder::acting("shared", slowly), Recorder::acting("shared", slowly));
    let replicas = [scene.replica(one.clone()).await, scene.replica(two.clone()).await];
    publish_all(&replicas[0].bus, 1..=200).await;
    let both = async || {
        let mut numbers = [one.numbers(), two.numbers()].concat();
        numbers.sort_unstable();
        numbers
    };
    soon("all of them", (1..=200).collect(), both).await;
    assert!(one.numbers().len() > 20 && two.numbers().len() > 20, "both work");
    let mut buses = Vec::new();
    for replica in replicas {
        buses.push(replica.stop().await);
    }
    scene.end(buses).await;
}

#[tokio::test]
async fn m03_a_consumer_with_no_free_place_still_tells_what_waits() {
    let mut scene = Scene::shared().await;
    scene.settings.delivery.handlings_max = 2;
    let consumer = Recorder::acting("full", |_, _| Act::Wait);
    let replica = scene.replica(consumer.clone()).await;
    publish_all(&replica.bus, 1..=5).await;
    let gauges = async || {
        let text = render(Format::Prometheus);
        let of = |gauge: &str| {
            let start = format!("{gauge}{{consumer=\"full\"}} ");
            text.lines().find_map(|line| line.strip_prefix(&start)).map(str::to_owned)
        };
        (of("consumer_pending"), of("consumer_unacknowledged"))
    };
    let told = |pending: &str, out: &str| (Some(pending.to_owned()), Some(out.to_owned()));
    soon("three wait, two are out", told("3.0", "2.0"), gauges).await;
    consumer.go.add_permits(5);
    soon("none waits", told("0.0", "0.0"), gauges).await;
    scene.end([replica.stop().await]).await;
}

#[tokio::test]
async fn a_passing_failure_is_tried_again_after_growing_pauses() {
    let mut scene = Scene::shared().await;
    scene.settings.delivery = DeliverySettings {
        backoff_first: Duration::from_millis(100),
        backoff_max: Duration::from_secs(10),
        ..DeliverySettings::default()
    };
    let consumer = Recorder::acting("failing", |_, tries| match tries {
        0 | 2 => Act::FailForNow,
        1 => Act::Panic,
        _ => Act::Handle,
    });
    let replica = scene.replica(consumer.clone()).await;
    publish_all(&replica.bus, 1..=1).await;
    soon("handled", vec![1], async || consumer.numbers()).await;
    let tries = consumer.tries(1);
    assert_eq!(tries.len(), 4);
    for (pair, least_ms) in tries.windows(2).zip([50, 100, 200]) {
        let pause = pair[1] - pair[0];
        assert!(pause >= Duration::from_millis(least_ms), "{pause:?} of {least_ms}");
    }
    assert_eq!(consumer.parked(), vec![]);
    scene.end([replica.stop().await]).await;
}

#[tokio::test]
async fn r18_poison_is_parked_and_the_others_flow() {
    let scene = Scene::shared().await;
    let consumer = Recorder::acting("poisoned", |message, _| match number(message) {
        5 => Act::FailForGood,
        6 => Act::FailForNow,
        7 => Act::Panic,
        _ => Act::Handle,
    });
    *consumer.park_failures.lock().unwrap() = 3;
    let replica = scene.replica(consumer.clone()).await;
    publish_all(&replica.bus, 1..=20).await;
    let expected: Vec<u128> = (1..=20).filter(|number| !(5..=7).contains(number)).collect();
    soon("the others", expected, async || consumer.numbers()).await;
    soon("three are parked", 3, async || consumer.parked().len()).await;
    let mut parked = consumer.parked();
    parked.sort();
    let reasons: Vec<_> = parked.iter().map(|(_, reason)| reason.as_str()).collect();
    assert!(reasons[0].contains("unreadable"), "{reasons:?}");
    assert!(reasons[1].contains("times, the last time: not now"), "{reasons:?}");
    assert!(reasons[2].contains("times, the last time"), "{reasons:?}");
    assert!(reasons[2].contains("panicked: \"the script says so\""), "{reasons:?}");
    assert!(consumer.tries(6).len() >= 4, "{:?}", consumer.tries(6));
    soon("nothing is left", (0, 0), async || scene.pending("poisoned").await).await;
    scene.end([replica.stop().await]).await;
}

#[tokio::test]
async fn r18_what_is_not_ours_or_broken_stops_nobody() {
    let scene = Scene::shared().await;
    let consumer = Recorder::handling("careful");
    let replica = scene.replica(consumer.clone()).await;
    let subject = format!("{}.scene.thing.Happened", scene.settings.stream.to_lowercase());
    let client = scene.js.client();
    client.publish(subject.clone(), "no headers".into()).await.unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("ce-id", "not an id");
    client.publish_with_headers(subject.clone(), headers.clone(), "".into()).await.unwrap();
    headers.insert("ce-id", "00000000-0000-0000-0000-000000000009");
    client.publish_with_headers(subject, headers, "".into()).await.unwrap();
    publish_all(&replica.bus, 1..=3).await;
    soon("ours", vec![1, 2, 3], async || consumer.numbers()).await;
    soon("what has an identity is parked", 1, async || consumer.parked().len()).await;
    assert!(consumer.parked()[0].1.contains("ce-specversion"), "{:?}", consumer.parked());
    soon("nothing is left", (0, 0), async || scene.pending("careful").await).await;
    scene.end([replica.stop().await]).await;
}

#[tokio::test]
async fn r18_an_event_that_no_version_knows_is_parked_and_blocks_nobody() {
    let scene = Scene::shared().await;
    let consumer = Recorder::handling("puzzled");
    let replica = scene.replica(consumer.clone()).await;
    let subject = format!("{}.scene.thing.Happened", scene.settings.stream.to_lowercase());
    let other = Envelope { event_type: "scene.v1.Other".to_owned(), ..message(9) };
    let client = scene.js.client();
    assert_eq!(replica.bus.publish(&message(1)).await, Ok(()));
    let stored = scene.js.get_stream(&scene.settings.stream).await.unwrap();
    let mut headers = stored.get_raw_message(1).await.unwrap().headers;
    headers.insert("ce-type", other.event_type.as_str());
    headers.insert("ce-id", other.id.to_string());
    headers.insert("Nats-Msg-Id", other.id.to_string());
    client.publish_with_headers(subject, headers, "".into()).await.unwrap();
    publish_all(&replica.bus, 2..=3).await;
    soon("ours", vec![1, 2, 3], async || consumer.numbers()).await;
    soon("the other is parked", 1, async || consumer.parked().len()).await;
    assert!(consumer.parked()[0].1.contains("does not know"), "{:?}", consumer.parked());
    soon("nothing is left", (0, 0), async || scene.pending("puzzled").await).await;
    scene.end([replica.stop().await]).await;
}

#[tokio::test]
async fn a_slow_handler_is_not_given_the_message_again_while_it_runs() {
    let mut scene = Scene::shared().await;
    scene.settings.delivery.ack_wait = Duration::from_secs(1);
    let consumer = Recorder::acting("slow", |_, _| Act::Slowly(Duration::from_millis(3500)));
    let replica = scene.replica(consumer.clone()).await;
    publish_all(&replica.bus, 1..=2).await;
    soon("both", vec![1, 2], async || consumer.numbers()).await;
    soon("nothing is left", (0, 0), async || scene.pending("slow").await).await;
    assert_eq!((consumer.tries(1).len(), consumer.tries(2).len()), (1, 1));
    scene.end([replica.stop().await]).await;
}

/// F1: a handler that is dropped half-way leaves its transaction open.
#[tokio::test]
async fn f1_a_stop_lets_what_runs_end_and_gives_the_rest_to_the_others_at_once() {
    let mut scene = Scene::shared().await;
    scene.settings.delivery.handlings_max = 4;
    let stopping = Recorder::acting("stopping", |_, _| Act::Wait);
    let mut replica = scene.replica(stopping.clone()).await;
    publish_all(&replica.bus, 1..=10).await;
    let out = async || (1..=10).filter(|number| !stopping.tries(*number).is_empty()).count();
    soon("four at a time", 4, out).await;
    replica.ask_to_stop();
    let taking_over = Recorder::handling("stopping");
    let other = scene.replica(taking_over.clone()).await;
    soon("the rest", 6, async || taking_over.numbers().len()).await;
    assert!(replica.is_running(), "it waits for its handlers");
    stopping.go.add_permits(4);
    let bus = replica.stop().await;
    assert_eq!(stopping.numbers().len(), 4);
    soon("all are acknowledged", (0, 0), async || scene.pending("stopping").await).await;
    let all = [stopping.numbers(), taking_over.numbers()].concat();
    assert_eq!(all.len(), 10, "none twice: {all:?}");
    scene.end([bus, other.stop().await]).await;
}

/// During a rolling upgrade the old version gives what it does not know to the new one.
#[tokio::test]
async fn a_new_version_that_wants_more_gets_it_beside_the_old_one() {
    let scene = Scene::shared().await;
    let old = Recorder::handling("upgraded");
    let new = Recorder::of("upgraded", &["Happened", "Changed"], |_, _| Act::Handle);
    let replicas = [scene.replica(old.clone()).await, scene.replica(new.clone()).await];
    soon("the filter is widened", 2, async || {
        let stream = scene.stream().await;
        let consumer =
            stream.get_consumer::<async_nats::jetstream::consumer::pull::Config>("upgraded");
        consumer.await.map_or(0, |consumer| consumer.cached_info().config.filter_subjects.len())
    })
    .await;
    let changed = |number| Envelope {
        event_type: "boxoffice.scene.v1.Changed".to_owned(),
        ..message(number)
    };
    for number in 1..=10 {
        assert_eq!(replicas[0].bus.publish(&changed(number)).await, Ok(()));
    }
    soon("by the new one", (1..=10).collect(), async || new.numbers()).await;
    assert_eq!((old.numbers(), old.parked()), (vec![], vec![]));
    let mut buses = Vec::new();
    for replica in replicas {
        buses.push(replica.stop().await);
    }
    scene.end(buses).await;
}
