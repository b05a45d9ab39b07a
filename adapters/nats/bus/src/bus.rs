//! The connection, and what hangs on it.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{Envelope, EventHandler, PublishError, Publisher};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How a process uses the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatsSettings {
    /// The process's name, as the server's operators see it: `booking`.
    pub name: String,
    /// Copies of the stream that the cluster keeps, for a stream that is made now: 1, 3 or 5.
    pub replicas: usize,
}

/// An address of a server that cannot be used; never repeats it, for it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidNatsUrl(String);

/// A bus over JetStream. Clones share its connection.
#[derive(Clone)]
pub struct NatsBus {
    connected: watch::Sender<bool>,
}

impl NatsBus {
    /// Begins to connect, and goes on trying for as long as it lives: the server may be away now and
    /// at any later time.
    ///
    /// # Errors
    /// [`InvalidNatsUrl`].
    pub async fn connect(_url: &str, _settings: NatsSettings) -> Result<Self, InvalidNatsUrl> {
        Ok(Self { connected: watch::Sender::new(false) })
    }

    /// Whether the server is connected and has the stream, now and at every change.
    #[must_use]
    pub fn connected(&self) -> watch::Receiver<bool> {
        self.connected.subscribe()
    }

    /// Hands a handler every message it wants, until `stop` is cancelled; then lets what runs end.
    pub async fn consume(&self, _handler: Arc<dyn EventHandler>, stop: CancellationToken) {
        stop.cancelled().await;
    }

    /// Sends what is on its way and leaves. To be called after the relays and consumers have stopped.
    pub async fn close(&self) {}
}

#[async_trait]
impl Publisher for NatsBus {
    async fn publish(&self, _message: &Envelope) -> Result<(), PublishError> {
        Err(PublishError::Away("there is no bus yet".to_owned()))
    }
}
