//! A stream of the test's own, buses over it, and messages.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::{self, stream};
use kernel::{Envelope, EventHandler, EventId, Timestamp, Uuid};
use nats_bus::{DeliverySettings, NatsBus, NatsSettings};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(45);

/// A stream that nobody else uses, and a way to look into it.
pub(crate) struct Scene {
    pub(crate) url: String,
    pub(crate) settings: NatsSettings,
    pub(crate) js: jetstream::Context,
}

impl Scene {
    /// Over the running servers.
    pub(crate) async fn shared() -> Self {
        let servers = servers::addresses().unwrap_or_else(|error| panic!("{error}"));
        Self::over(&servers.nats).await
    }

    pub(crate) async fn over(url: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let since = std::time::UNIX_EPOCH.elapsed().unwrap().as_micros();
        let settings = NatsSettings {
            stream: format!("T_{}_{since}_{number}", std::process::id()),
            max_bytes: 32 << 20,
            // Fewer tries and shorter pauses than a platform makes, so that the tests see the end of them.
            delivery: DeliverySettings {
                tries_max: 4,
                backoff_first: Duration::from_millis(20),
                backoff_max: Duration::from_millis(100),
                ..DeliverySettings::default()
            },
            ..NatsSettings::named("test")
        };
        let client = async_nats::connect(url).await.unwrap();
        Self { url: url.to_owned(), settings, js: jetstream::new(client) }
    }

    /// A bus that is connected.
    pub(crate) async fn bus(&self) -> NatsBus {
        let bus = NatsBus::connect(&self.url, self.settings.clone()).await.unwrap();
        tokio::time::timeout(PATIENCE, bus.connected().wait_for(|connected| *connected))
            .await
            .unwrap_or_else(|_| panic!("the bus does not connect"))
            .unwrap();
        bus
    }

    pub(crate) async fn replica(&self, handler: Arc<dyn EventHandler>) -> Replica {
        Replica::of(self.bus().await, handler)
    }

    pub(crate) async fn stream(&self) -> stream::Stream {
        self.js.get_stream(&self.settings.stream).await.unwrap()
    }

    pub(crate) async fn stored(&self) -> u64 {
        self.stream().await.cached_info().state.messages
    }

    /// Messages that wait for a consumer, and messages that are out to it.
    pub(crate) async fn pending(&self, consumer: &str) -> (u64, usize) {
        let consumer: PullConsumer = self.stream().await.get_consumer(consumer).await.unwrap();
        let info = consumer.cached_info();
        (info.num_pending, info.num_ack_pending)
    }

    /// Aggregate and version of everything stored, in the order of the stream.
    pub(crate) async fn rows(&self) -> Vec<(String, i64)> {
        let stream = self.stream().await;
        let mut rows = Vec::new();
        for sequence in 1..=stream.cached_info().state.last_sequence {
            let message = stream.get_raw_message(sequence).await.unwrap();
            let header = |name: &str| message.headers.get(name).unwrap().as_str().to_owned();
            rows.push((header("ce-subject"), header("ce-aggregateversion").parse().unwrap()));
        }
        rows
    }

    pub(crate) async fn delete_stream(&self) {
        self.js.delete_stream(&self.settings.stream).await.unwrap();
    }

    /// To be called last: what goes wrong before leaves the stream to be looked at.
    pub(crate) async fn end(self, buses: impl IntoIterator<Item = NatsBus>) {
        for bus in buses {
            bus.close().await;
        }
        self.delete_stream().await;
    }
}

/// One process of a server, as far as the bus is concerned.
pub(crate) struct Replica {
    pub(crate) bus: NatsBus,
    stop: CancellationToken,
    task: JoinSet<()>,
}

impl Replica {
    pub(crate) fn of(bus: NatsBus, handler: Arc<dyn EventHandler>) -> Self {
        let (stop, mut task) = (CancellationToken::new(), JoinSet::new());
        let (consuming, stopping) = (bus.clone(), stop.clone());
        task.spawn(async move { consuming.consume(handler, stopping).await });
        Self { bus, stop, task }
    }

    pub(crate) fn ask_to_stop(&self) {
        self.stop.cancel();
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.task.try_join_next().is_none()
    }

    /// Stops, and gives the bus back.
    pub(crate) async fn stop(self) -> NatsBus {
        self.stop.cancel();
        self.task.join_all().await;
        self.bus
    }
}

pub(crate) fn message(number: u128) -> Envelope {
    of_aggregate(&number.to_string(), number, 1)
}

pub(crate) fn of_aggregate(aggregate: &str, number: u128, version: i64) -> Envelope {
    Envelope {
        id: EventId::new(Uuid::from_u128(number)),
        event_type: "boxoffice.scene.v1.Happened".to_owned(),
        source: "scene".to_owned(),
        occurred_at: Timestamp::from_micros(1_700_000_000_000_001),
        aggregate_type: "thing".to_owned(),
        aggregate_id: aggregate.to_owned(),
        aggregate_version: version,
        correlation_id: aggregate.to_owned(),
        causation_id: None,
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        payload: b"payload".to_vec(),
    }
}

/// Waits until something is seen, and fails with the last thing seen when it is not.
pub(crate) async fn soon<T: PartialEq + std::fmt::Debug, F: Future<Output = T>>(
    what: &str,
    expected: T,
    mut look: impl FnMut() -> F,
) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let seen = look().await;
        if seen == expected {
            return;
        }
        assert!(Instant::now() < deadline, "{what}: expected {expected:?}, last seen {seen:?}");
        sleep(Duration::from_millis(20)).await;
    }
}
