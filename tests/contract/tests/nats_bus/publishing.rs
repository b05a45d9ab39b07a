//! The relay's side: what `Ok` means, what is refused and what is only away, in what order.

use std::time::{Duration, Instant};

use futures::future::join_all;
use kernel::{Envelope, PublishError, Publisher};
use nats_bus::{NatsBus, NatsSettings};

use crate::scene::{Scene, message, of_aggregate};

#[tokio::test]
async fn o03_a_message_is_a_cloud_event_that_others_can_read() {
    let scene = Scene::shared().await;
    let bus = scene.bus().await;
    assert_eq!(bus.publish(&message(7)).await, Ok(()));
    let stored = scene.stream().await.get_raw_message(1).await.unwrap();
    let root = scene.settings.stream.to_lowercase();
    assert_eq!(stored.subject.as_str(), format!("{root}.scene.thing.Happened"));
    assert_eq!(&stored.payload[..], b"payload");
    for (name, value) in [
        ("ce-specversion", "1.0"),
        ("ce-id", "00000000-0000-0000-0000-000000000007"),
        ("Nats-Msg-Id", "00000000-0000-0000-0000-000000000007"),
        ("ce-type", "boxoffice.scene.v1.Happened"),
        ("ce-source", "scene"),
        ("ce-subject", "7"),
        ("ce-time", "2023-11-14T22:13:20.000001Z"),
        ("ce-aggregatetype", "thing"),
        ("ce-aggregateversion", "1"),
        ("ce-correlationid", "7"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("content-type", "application/protobuf"),
    ] {
        assert_eq!(stored.headers.get(name).map(|value| value.as_str()), Some(value), "{name}");
    }
    scene.end([bus]).await;
}

#[tokio::test]
async fn a_message_published_again_is_taken_and_stored_once() {
    let scene = Scene::shared().await;
    let bus = scene.bus().await;
    for _ in 0..3 {
        assert_eq!(bus.publish(&message(1)).await, Ok(()));
    }
    assert_eq!(scene.stored().await, 1);
    scene.end([bus]).await;
}

#[tokio::test]
async fn n05_messages_that_wait_together_are_written_as_one_batch() {
    let scene = Scene::shared().await;
    let bus = scene.bus().await;
    let messages: Vec<_> = (1..=80).map(message).collect();
    for published in join_all(messages.iter().map(|message| bus.publish(message))).await {
        assert_eq!(published, Ok(()));
    }
    let stream = scene.stream().await;
    let mut batched = 0;
    for sequence in 1..=80 {
        let stored = stream.get_raw_message(sequence).await.unwrap();
        batched += usize::from(stored.headers.get("Nats-Batch-Id").is_some());
    }
    assert!(batched >= 40, "{batched} of 80");
    scene.end([bus]).await;
}

#[tokio::test]
async fn a_message_that_is_told_again_is_no_repeat() {
    let scene = Scene::shared().await;
    let bus = scene.bus().await;
    for _ in 0..2 {
        assert_eq!(bus.publish(&message(1)).await, Ok(()));
    }
    assert_eq!(scene.rows().await.len(), 1, "a repeat is dropped");
    for _ in 0..2 {
        assert_eq!(bus.publish_again(&message(1)).await, Ok(()));
    }
    assert_eq!(scene.rows().await.len(), 3);
    scene.end([bus]).await;
}

/// The server refuses a batch whole for one message that it has (error 10201).
#[tokio::test]
async fn f10201_a_batch_with_a_known_message_is_sent_singly_and_nothing_is_lost_or_doubled() {
    let scene = Scene::shared().await;
    let bus = scene.bus().await;
    for known in [3, 50] {
        assert_eq!(bus.publish(&message(known)).await, Ok(()));
    }
    let messages: Vec<_> = (1..=60).map(message).collect();
    for published in join_all(messages.iter().map(|message| bus.publish(message))).await {
        assert_eq!(published, Ok(()));
    }
    let mut rows = scene.rows().await;
    rows.sort();
    let mut expected: Vec<_> = (1..=60).map(|number: u128| (number.to_string(), 1)).collect();
    expected.sort();
    assert_eq!(rows, expected);
    scene.end([bus]).await;
}

#[tokio::test]
async fn r18_one_message_too_large_is_refused_and_its_neighbours_are_taken() {
    let scene = Scene::shared().await;
    let bus = scene.bus().await;
    let large = Envelope { payload: vec![1; 300 << 10], ..message(5) };
    let unspeakable = Envelope { correlation_id: "two\nlines".to_owned(), ..message(6) };
    let messages: Vec<_> = (10..20).map(message).chain([large, unspeakable]).collect();
    let published = join_all(messages.iter().map(|message| bus.publish(message))).await;
    let (good, bad) = published.split_at(10);
    assert!(good.iter().all(Result::is_ok), "{good:?}");
    assert!(bad.iter().all(|refused| matches!(refused, Err(PublishError::Refused(_)))), "{bad:?}");
    assert_eq!(scene.stored().await, 10);
    scene.end([bus]).await;
}

/// A full stream refuses new messages and drops no old one; the outbox keeps what is refused.
#[tokio::test]
async fn f11_a_full_stream_is_away_and_keeps_what_it_has() {
    let mut scene = Scene::shared().await;
    scene.settings.max_bytes = 64 << 10;
    let bus = scene.bus().await;
    let messages: Vec<_> =
        (1..=40).map(|number| Envelope { payload: vec![0; 8 << 10], ..message(number) }).collect();
    let published = join_all(messages.iter().map(|message| bus.publish(message))).await;
    let taken = published.iter().filter(|published| published.is_ok()).count();
    assert!((1..40).contains(&taken), "{taken}");
    for refused in published.iter().filter(|published| published.is_err()) {
        assert!(matches!(refused, Err(PublishError::Away(_))), "{refused:?}");
    }
    assert_eq!(scene.stored().await, u64::try_from(taken).unwrap());
    scene.end([bus]).await;
}

#[tokio::test]
async fn without_a_server_a_message_is_away_at_once_and_the_bus_goes_on_trying() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = NatsSettings::named("test");
    let bus = NatsBus::connect(&format!("nats://{free}"), settings).await.unwrap();
    let begun = Instant::now();
    let away = bus.publish(&message(1)).await;
    assert!(matches!(away, Err(PublishError::Away(_))), "{away:?}");
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert!(!*bus.connected().borrow());
    bus.close().await;
    assert!(matches!(bus.publish(&message(1)).await, Err(PublishError::Away(_))));
}

#[tokio::test]
async fn an_address_that_cannot_be_used_is_refused_without_repeating_it() {
    for bad in ["http://secret@host", "nats://secret:secret@host:x", ""] {
        let refused = NatsBus::connect(bad, NatsSettings::named("test")).await.err();
        let refused = refused.unwrap_or_else(|| panic!("{bad:?} was taken")).to_string();
        assert!(!refused.contains("secret"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n06_the_stream_has_every_aggregates_messages_in_the_order_of_their_calls() {
    const AGGREGATES: u128 = 24;
    const VERSIONS: i64 = 15;
    let scene = Scene::shared().await;
    let bus = scene.bus().await;
    let publish_row = async |aggregate: u128| {
        for version in 1..=VERSIONS {
            let number = aggregate * 1000 + u128::try_from(version).unwrap();
            let message = of_aggregate(&aggregate.to_string(), number, version);
            assert_eq!(bus.publish(&message).await, Ok(()));
        }
    };
    join_all((1..=AGGREGATES).map(publish_row)).await;
    let rows = scene.rows().await;
    for aggregate in 1..=AGGREGATES {
        let aggregate = aggregate.to_string();
        let of_it = rows.iter().filter(|(of, _)| *of == aggregate);
        let versions: Vec<i64> = of_it.map(|(_, version)| *version).collect();
        assert_eq!(versions, (1..=VERSIONS).collect::<Vec<_>>(), "aggregate {aggregate}");
    }
    scene.end([bus]).await;
}
