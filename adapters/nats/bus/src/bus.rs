//! The bus as the platform sees it.

use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use async_nats::connection::State;
use async_nats::jetstream::Context;
use async_nats::jetstream::context::ContextBuilder;
use async_trait::async_trait;
use kernel::{Envelope, EventHandler, PublishError, Publisher};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tracing::Span;

use crate::NatsSettings;
use crate::batch::Sender;
use crate::connection::{self, REQUEST_WITHIN};
use crate::consumer::Consumer;
use crate::headers::{self, Telling};
use crate::keeper::Keeper;
use crate::live::Live;
use crate::queue::{self, Job, WINDOW};

/// For what was said last to reach the server.
const FLUSH: Duration = Duration::from_secs(2);

/// Settings that cannot be used; never repeats the address, for it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidNatsUrl(pub(crate) String);

/// A bus over JetStream. Clones share its connection.
#[derive(Clone)]
pub struct NatsBus {
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    js: Context,
    settings: Arc<NatsSettings>,
    jobs: mpsc::Sender<Job>,
    connected: watch::Sender<bool>,
    missed: Arc<Notify>,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// A bus that nobody closes ends with its last clone.
    _ends: DropGuard,
}

impl NatsBus {
    /// Begins to connect, and goes on trying for as long as it lives: the server may be away now and
    /// at any later time.
    ///
    /// # Errors
    /// [`InvalidNatsUrl`], also for a name of the stream that cannot be one.
    pub async fn connect(url: &str, settings: NatsSettings) -> Result<Self, InvalidNatsUrl> {
        if !settings.has_good_stream_name() {
            let rule = "a stream's name is 1 to 64 of the characters A-Z, 0-9 and _";
            return Err(InvalidNatsUrl(rule.to_owned()));
        }
        let (linked_sender, linked) = watch::channel(false);
        let client = Box::pin(connection::open(url, &settings, linked_sender)).await?;
        let js = ContextBuilder::new()
            .timeout(REQUEST_WITHIN)
            .ack_timeout(REQUEST_WITHIN)
            .build(client.clone());
        let settings = Arc::new(settings);
        let (connected, missed) = (watch::Sender::new(false), Arc::new(Notify::new()));
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let keeper = Keeper {
            js: js.clone(),
            settings: settings.clone(),
            linked,
            connected: connected.clone(),
            missed: missed.clone(),
        };
        tasks.spawn(keeper.run(stop.clone()));
        let (jobs, waiting) = mpsc::channel(WINDOW);
        let sender = Sender { js: js.clone(), batches: settings.batches, missed: missed.clone() };
        tasks.spawn(queue::run(waiting, sender, stop.clone()));
        let ends = stop.clone().drop_guard();
        let shared =
            Shared { client, js, settings, jobs, connected, missed, tasks, stop, _ends: ends };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Whether the server is connected and has the stream, now and at every change.
    #[must_use]
    pub fn connected(&self) -> watch::Receiver<bool> {
        self.shared.connected.subscribe()
    }

    /// Hands a handler every message it wants, until `stop` is cancelled; then lets what runs end.
    ///
    /// All who consume for a handler of the same name, in whatever process, share its messages.
    pub async fn consume(&self, handler: Arc<dyn EventHandler>, stop: CancellationToken) {
        let shared = &self.shared;
        let consumer = Consumer {
            client: shared.client.clone(),
            js: shared.js.clone(),
            settings: shared.settings.clone(),
            connected: shared.connected.subscribe(),
            missed: shared.missed.clone(),
            tasks: shared.tasks.clone(),
            handler,
            made_now: watch::Sender::new(None),
        };
        Box::pin(consumer.run(stop)).await;
    }

    /// Joins those who speak of a topic; `None` once the bus is closed.
    pub async fn live(&self, topic: &str) -> Option<Live> {
        let shared = &self.shared;
        let (client, connected) = (shared.client.clone(), shared.connected.subscribe());
        Live::open(client, &shared.settings.root(), topic, connected).await
    }

    /// Sends what is on its way and leaves. To be called after the relays and consumers have stopped.
    pub async fn close(&self) {
        let shared = &self.shared;
        shared.stop.cancel();
        shared.tasks.close();
        shared.tasks.wait().await;
        if shared.client.connection_state() == State::Connected {
            let flushed = timeout(FLUSH, shared.client.flush()).await;
            if flushed.is_err() {
                tracing::warn!("NATS did not take the last acknowledgements; they come again");
            }
        }
        let drained = timeout(FLUSH, shared.client.drain()).await;
        tracing::debug!(?drained, "left NATS");
    }
}

#[async_trait]
impl Publisher for NatsBus {
    async fn publish(&self, message: &Envelope) -> Result<(), PublishError> {
        self.send(message, Telling::First).await
    }

    async fn publish_again(&self, message: &Envelope) -> Result<(), PublishError> {
        self.send(message, Telling::Again).await
    }
}

impl NatsBus {
    async fn send(&self, message: &Envelope, telling: Telling) -> Result<(), PublishError> {
        let shared = &self.shared;
        Span::current().record("messaging.system", "nats");
        let outgoing = headers::write(message, &shared.settings.root(), telling);
        let outgoing = outgoing.map_err(PublishError::Refused)?;
        // Messages that wait inside the client for a connection would be sent long after their callers
        // have given up.
        if shared.client.connection_state() != State::Connected {
            return Err(PublishError::Away("there is no connection to NATS".to_owned()));
        }
        let closed = || PublishError::Away("the bus is closed".to_owned());
        let (answer, answered) = oneshot::channel();
        let aggregate = message.aggregate_id.clone();
        let queued = shared.jobs.send(Job { outgoing, aggregate, answer }).await;
        queued.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }
}
