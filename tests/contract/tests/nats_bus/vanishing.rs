//! The stream and its consumers are gone one day; the outboxes still have everything.

use std::time::{Duration, Instant};

use kernel::Publisher;

use crate::recorder::Recorder;
use crate::scene::{Scene, message, soon};

#[tokio::test]
async fn a_stream_deleted_at_run_time_is_made_again_and_what_is_published_again_arrives() {
    let scene = Scene::shared().await;
    let consumer = Recorder::handling("surviving");
    let replica = scene.replica(consumer.clone()).await;
    for number in 1..=5 {
        assert_eq!(replica.bus.publish(&message(number)).await, Ok(()));
    }
    soon("the first five", 5, async || consumer.numbers().len()).await;
    scene.delete_stream().await;
    let begun = Instant::now();
    // The outbox keeps what is not taken, and `replay` publishes what was; both publish as here.
    for number in 1..=10 {
        soon("published", Ok(()), async || replica.bus.publish(&message(number)).await).await;
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    soon("the old once more and the new", 15, async || consumer.numbers().len()).await;
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    scene.end([replica.stop().await]).await;
}

#[tokio::test]
async fn a_consumer_deleted_at_run_time_is_made_again() {
    let scene = Scene::shared().await;
    let consumer = Recorder::handling("deleted");
    let replica = scene.replica(consumer.clone()).await;
    assert_eq!(replica.bus.publish(&message(1)).await, Ok(()));
    soon("one", vec![1], async || consumer.numbers()).await;
    scene.stream().await.delete_consumer("deleted").await.unwrap();
    assert_eq!(replica.bus.publish(&message(2)).await, Ok(()));
    // It begins at the front of the stream; inboxes know what they have handled.
    soon("two, and one again", vec![1, 1, 2], async || consumer.numbers()).await;
    scene.end([replica.stop().await]).await;
}

/// What an operator has set is left as it is.
#[tokio::test]
async fn a_stream_that_is_there_is_used_as_it_is() {
    let scene = Scene::shared().await;
    let made = async_nats::jetstream::stream::Config {
        name: scene.settings.stream.clone(),
        subjects: vec![format!("{}.>", scene.settings.stream.to_lowercase())],
        max_age: Duration::from_secs(3600),
        ..Default::default()
    };
    scene.js.create_stream(made).await.unwrap();
    let bus = scene.bus().await;
    let messages: Vec<_> = (1..=20).map(message).collect();
    let published = messages.iter().map(|message| bus.publish(message));
    for published in futures::future::join_all(published).await {
        assert_eq!(published, Ok(()), "also without atomic batches");
    }
    let config = scene.stream().await.cached_info().config.clone();
    assert_eq!((config.max_age, config.allow_atomic_publish), (Duration::from_secs(3600), false));
    assert_eq!(scene.stored().await, 20);
    scene.end([bus]).await;
}
