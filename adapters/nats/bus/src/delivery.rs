//! What becomes of one message: handled and acknowledged, tried again later, or set aside.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::AckKind;
use futures::FutureExt;
use futures::future::BoxFuture;
use kernel::{Envelope, EventHandler, HandlerError};
use telemetry_metrics::messages;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{sleep, timeout};
use tracing::{Instrument, Span, field};

use crate::DeliverySettings;
use crate::connection::REQUEST_WITHIN;
use crate::headers;

/// Enough for a newer replica to get it at least once, even if there is but one among several old ones.
const UNKNOWN_TRIES_MAX: u32 = 30;
/// Signs of life in the time that the server waits for one.
const SIGNS_OF_LIFE: u32 = 3;
const SIGN_OF_LIFE_MIN: Duration = Duration::from_millis(10);
/// Of what a panic says.
const PANIC_CHARS_MAX: usize = 300;

/// Delivers messages to one handler.
pub(crate) struct Delivery {
    pub(crate) handler: Arc<dyn EventHandler>,
    pub(crate) settings: DeliverySettings,
    /// What the consumer's own setting says, which may not be ours.
    pub(crate) ack_wait: Duration,
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
    SetAside { reason: String, message: Option<Box<Envelope>> },
}

impl Delivery {
    /// Deals with one message to the end. MUST run in a task of its own, where nobody can drop it half-way; it gives
    /// its place back at the end.
    pub(crate) async fn run(self: Arc<Self>, message: Message, place: OwnedSemaphorePermit) {
        let delivered = message.info().map_or(1, |info| info.delivered);
        let tries = u32::try_from(delivered).unwrap_or(1);
        let (consumer, subject) = (self.handler.name(), message.subject.as_str());
        let read = headers::read(&message).map(Box::new);
        let span = self.handling(
            subject,
            match &read {
                Ok(envelope) => Some(envelope),
                Err(unreadable) => unreadable.remains.as_deref(),
            },
        );
        let dealing = async {
            let outcome = match read {
                Ok(envelope) => self.outcome(&message, envelope, tries).await,
                Err(unreadable) => {
                    Outcome::SetAside { reason: unreadable.reason, message: unreadable.remains }
                }
            };
            if !matches!(outcome, Outcome::Handled) {
                Span::current().record("otel.status_code", "ERROR");
            }
            if let Err(error) = self.settle(&message, outcome, tries).await {
                // It comes again, and its inbox row says that it has been handled.
                tracing::debug!(consumer, subject, error, "the server was not told");
            }
        };
        dealing.instrument(span).await;
        drop(place);
    }

    /// Tells the server, or whoever looks after what was set aside.
    async fn settle(&self, message: &Message, outcome: Outcome, tries: u32) -> Result<(), String> {
        match outcome {
            Outcome::Handled => {
                tracing::debug!(tries, "handled");
                messages::handled(self.handler.name(), &message.subject, true);
                self.tell(message, AckKind::Ack).await
            }
            Outcome::Again { reason } => self.again(message, tries, &reason).await,
            Outcome::SetAside { reason, message: envelope } => {
                self.set_aside(message, envelope, tries, reason).await
            }
        }
    }

    async fn outcome(&self, message: &Message, envelope: Box<Envelope>, tries: u32) -> Outcome {
        if !self.handler.event_names().contains(&envelope.name()) {
            // A newer replica of this server may have widened the filter, and will take the message.
            let reason = format!("this version does not know the event {}", envelope.name());
            if tries < UNKNOWN_TRIES_MAX {
                return Outcome::Again { reason };
            }
            return Outcome::SetAside { reason, message: Some(envelope) };
        }
        match self.attend(message, self.handler.handle(&envelope)).await {
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

    /// The span of one delivery: a child of what told the message, as far as that can be read.
    fn handling(&self, subject: &str, envelope: Option<&Envelope>) -> Span {
        let event = envelope.map_or("unreadable", Envelope::name);
        let span = tracing::info_span!(
            "handle",
            otel.name = format!("process {event}"),
            otel.kind = "consumer",
            otel.status_code = field::Empty,
            messaging.system = "nats",
            messaging.operation.name = "process",
            messaging.operation.type = "process",
            messaging.destination.name = subject,
            messaging.consumer.group.name = self.handler.name(),
            messaging.message.id = envelope.map(|envelope| field::display(envelope.id)),
            consumer = self.handler.name(),
            event,
            correlation_id = envelope.map(|envelope| envelope.correlation_id.as_str()),
        );
        let traceparent = envelope.and_then(|envelope| envelope.traceparent.as_deref());
        telemetry_traces::continue_from_traceparent(&span, traceparent);
        span
    }

    /// Waits for a piece of the handler, and tells the server meanwhile that it still runs, unless it blocks its thread:
    /// then the message comes again, and its inbox row decides. A piece that panics has failed like any other.
    async fn attend(
        &self,
        message: &Message,
        piece: BoxFuture<'_, Result<(), HandlerError>>,
    ) -> Result<(), HandlerError> {
        let mut running = AssertUnwindSafe(piece).catch_unwind();
        let pause = (self.ack_wait / SIGNS_OF_LIFE).max(SIGN_OF_LIFE_MIN);
        loop {
            let sign = async {
                sleep(pause).await;
                let sent = timeout(REQUEST_WITHIN, message.ack_with(AckKind::Progress)).await;
                if !matches!(sent, Ok(Ok(()))) {
                    tracing::debug!(subject = %message.subject, "a sign of life was not sent");
                }
            };
            tokio::select! {
                ended = &mut running => {
                    return ended.unwrap_or_else(|panic| Err(panicked(panic.as_ref())));
                }
                () = sign => {}
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
        envelope: Option<Box<Envelope>>,
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
        match self.attend(message, self.handler.park(&envelope, &reason)).await {
            Ok(()) => {
                messages::parked(consumer, &message.subject);
                self.tell(message, AckKind::Term).await
            }
            Err(error) => self.again(message, tries, &format!("parking failed: {error}")).await,
        }
    }

    /// Returns once it is on its way. Nobody waits for the server to confirm: what it has confirmed it may still forget
    /// (F8), and a confirmation costs a subscription, while one that is lost costs a look into the inbox.
    async fn tell(&self, message: &Message, kind: AckKind) -> Result<(), String> {
        let mut made_now = self.made_now.clone();
        let open = timeout(REQUEST_WITHIN, made_now.wait_for(Option::is_some)).await.is_ok();
        // The acknowledgement would be taken for that of another message, which would be lost.
        if !open || *made_now.borrow() != Some(self.made) {
            return Err("its consumer is not there any more; the message comes again".to_owned());
        }
        match timeout(REQUEST_WITHIN, message.ack_with(kind)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("not on its way in {REQUEST_WITHIN:?}")),
        }
    }
}

fn panicked(panic: &(dyn Any + Send)) -> HandlerError {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default();
    let text: String = text.chars().take(PANIC_CHARS_MAX).collect();
    // Escaped: it may quote any byte of a message, and not every database keeps all of them.
    HandlerError::Transient(format!("the handler panicked: {text:?}"))
}
