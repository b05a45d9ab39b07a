//! What becomes of one message: handled and acknowledged, tried again later, or set aside.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::AckKind;
use futures::future::BoxFuture;
use kernel::{Envelope, EventHandler, HandlerError};
use telemetry_metrics::messages;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::DeliverySettings;
use crate::connection::REQUEST_WITHIN;
use crate::headers;

/// Enough for a newer replica to get it at least once, even if there is but one among several old ones.
const UNKNOWN_TRIES_MAX: u32 = 30;
/// Signs of life in the time that the server waits for one.
const SIGNS_OF_LIFE: u32 = 3;
const SIGN_OF_LIFE_MIN: Duration = Duration::from_millis(10);

/// Delivers messages to one handler.
pub(crate) struct Delivery {
    pub(crate) handler: Arc<dyn EventHandler>,
    pub(crate) settings: DeliverySettings,
    /// What the consumer's own setting says, which may not be ours.
    pub(crate) ack_wait: Duration,
    pub(crate) tasks: TaskTracker,
    /// When the consumer was made that the messages come from, and the one there is now, if any is open.
    pub(crate) made: Made,
    pub(crate) made_now: watch::Receiver<Option<Made>>,
}

/// When a durable consumer was made, in nanoseconds: one made anew has other messages under the same numbers.
pub(crate) type Made = i128;

type Message = async_nats::jetstream::Message;

/// What to tell the server, and after how many tries.
enum Outcome {
    Handled,
    Again { reason: String },
    SetAside { reason: String, message: Option<Arc<Envelope>> },
}

impl Delivery {
    /// Deals with one message to the end. Runs in a task of its own; it gives its place back at the end.
    pub(crate) async fn run(self: Arc<Self>, message: Message, place: OwnedSemaphorePermit) {
        let delivered = message.info().map_or(1, |info| info.delivered);
        let tries = u32::try_from(delivered).unwrap_or(1);
        let (consumer, subject) = (self.handler.name(), message.subject.as_str());
        let told = match self.outcome(&message, tries).await {
            Outcome::Handled => {
                messages::handled(consumer, subject, true);
                self.tell(&message, AckKind::Ack).await
            }
            Outcome::Again { reason } => self.again(&message, tries, &reason).await,
            Outcome::SetAside { reason, message: envelope } => {
                self.set_aside(&message, envelope, tries, reason).await
            }
        };
        if let Err(error) = told {
            // It comes again, and its inbox row says that it has been handled.
            let consumer = self.handler.name();
            tracing::debug!(consumer, subject = %message.subject, error, "the server did not confirm");
        }
        drop(place);
    }

    async fn outcome(&self, message: &Message, tries: u32) -> Outcome {
        let envelope = match headers::read(message) {
            Ok(envelope) => Arc::new(envelope),
            Err(unreadable) => {
                let message = unreadable.remains.map(|remains| Arc::new(*remains));
                return Outcome::SetAside { reason: unreadable.reason, message };
            }
        };
        if !self.handler.event_names().contains(&envelope.name()) {
            // A newer replica of this server may have widened the filter, and will take the message.
            let reason = format!("this version does not know the event {}", envelope.name());
            if tries < UNKNOWN_TRIES_MAX {
                return Outcome::Again { reason };
            }
            return Outcome::SetAside { reason, message: Some(envelope) };
        }
        match self.attend(message, self.handling(&envelope)).await {
            Ok(()) => {
                messages::lag(self.handler.name(), envelope.occurred_at.as_micros());
                Outcome::Handled
            }
            Err(HandlerError::Poison(reason)) => {
                Outcome::SetAside { reason, message: Some(envelope) }
            }
            Err(HandlerError::Transient(reason)) if tries >= self.settings.tries_max => {
                let reason = format!("failed {tries} times, the last time: {reason}");
                Outcome::SetAside { reason, message: Some(envelope) }
            }
            Err(HandlerError::Transient(reason)) => Outcome::Again { reason },
        }
    }

    fn handling(&self, envelope: &Arc<Envelope>) -> BoxFuture<'static, Result<(), HandlerError>> {
        let (handler, envelope) = (self.handler.clone(), envelope.clone());
        let span = tracing::info_span!(
            "handle",
            otel.name = format!("process {}", envelope.name()),
            otel.kind = "consumer",
            messaging.system = "nats",
            messaging.operation.type = "process",
            messaging.destination.name = envelope.subject(),
            messaging.consumer.group.name = handler.name(),
            messaging.message.id = %envelope.id,
            consumer = handler.name(),
            event = envelope.name(),
            correlation_id = envelope.correlation_id,
        );
        telemetry_traces::continue_from_traceparent(&span, envelope.traceparent.as_deref());
        Box::pin(async move { handler.handle(&envelope).await }.instrument(span))
    }

    /// Runs a piece of the handler where nobody can drop it half-way, and tells the server meanwhile
    /// that it still runs. A piece that panics has failed like any other.
    async fn attend(
        &self,
        message: &Message,
        piece: BoxFuture<'static, Result<(), HandlerError>>,
    ) -> Result<(), HandlerError> {
        let mut running = self.tasks.spawn(piece);
        let mut signs = interval((self.ack_wait / SIGNS_OF_LIFE).max(SIGN_OF_LIFE_MIN));
        signs.set_missed_tick_behavior(MissedTickBehavior::Delay);
        signs.tick().await;
        loop {
            tokio::select! {
                ended = &mut running => {
                    return ended.unwrap_or_else(|panic| Err(HandlerError::Transient(panic.to_string())));
                }
                _ = signs.tick() => {
                    let sent = timeout(REQUEST_WITHIN, message.ack_with(AckKind::Progress)).await;
                    if !matches!(sent, Ok(Ok(()))) {
                        tracing::debug!(subject = %message.subject, "a sign of life was not sent");
                    }
                }
            }
        }
    }

    async fn again(&self, message: &Message, tries: u32, reason: &str) -> Result<(), String> {
        let pause = self.settings.backoff(tries);
        let consumer = self.handler.name();
        messages::handled(consumer, &message.subject, false);
        tracing::warn!(consumer, subject = %message.subject, tries, ?pause, reason, "a message will be tried again");
        self.tell(message, AckKind::Nak(Some(pause))).await
    }

    /// Only what is set aside durably is taken off the consumer. While its database is away the message
    /// comes again, and then may be handled after all.
    async fn set_aside(
        &self,
        message: &Message,
        envelope: Option<Arc<Envelope>>,
        tries: u32,
        reason: String,
    ) -> Result<(), String> {
        let consumer = self.handler.name();
        let sequence = message.info().map_or(0, |info| info.stream_sequence);
        let Some(envelope) = envelope else {
            tracing::error!(consumer, subject = %message.subject, sequence, reason,
                "a message without an identity is left out; it stays in the stream");
            return self.tell(message, AckKind::Term).await;
        };
        tracing::error!(consumer, event = envelope.name(), id = %envelope.id, sequence, reason, "parking a message");
        let handler = self.handler.clone();
        let parking = Box::pin(async move { handler.park(&envelope, &reason).await });
        match self.attend(message, parking).await {
            Ok(()) => {
                messages::parked(consumer, &message.subject);
                self.tell(message, AckKind::Term).await
            }
            Err(error) => self.again(message, tries, &format!("parking failed: {error}")).await,
        }
    }

    /// Returns once the server has confirmed.
    async fn tell(&self, message: &Message, kind: AckKind) -> Result<(), String> {
        let mut made_now = self.made_now.clone();
        let open = timeout(REQUEST_WITHIN, made_now.wait_for(Option::is_some)).await.is_ok();
        // The acknowledgement would be taken for that of another message, which would be lost.
        if !open || *made_now.borrow() != Some(self.made) {
            return Err("its consumer is not there any more; the message comes again".to_owned());
        }
        match timeout(REQUEST_WITHIN, message.double_ack_with(kind)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no confirmation in {REQUEST_WITHIN:?}")),
        }
    }
}
