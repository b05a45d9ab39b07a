//! Delivery: every consumer on its own, again after a failure, aside after too many.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::{BoxFuture, join_all};
use kernel::{Envelope, EventHandler, HandlerError, PublishError, Publisher};
use telemetry_metrics::messages;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, Span, field};

use crate::BusSettings;

/// What OpenTelemetry is told in the place of a broker's name.
const SYSTEM: &str = "in_process";

/// Delivers each message to every consumer that wants it.
///
/// `publish` returns `Ok` once all of them have handled or parked the message, so the relay, which
/// waits for it, keeps the order of each aggregate. A consumer in trouble delays no other consumer's
/// delivery of the message, and messages of other aggregates only once so many are in trouble that the
/// relay has no lane left.
///
/// Handlers run in tasks of the bus: neither a caller that goes away nor a shutdown cuts one off
/// half-way, and one that panics has failed like any other.
pub struct InProcessBus {
    subscriptions: Vec<Subscription>,
    settings: BusSettings,
    tasks: TaskTracker,
}

struct Subscription {
    handler: Arc<dyn EventHandler>,
    places: Arc<Semaphore>,
}

impl InProcessBus {
    /// A bus with all its consumers; none can be added later, since it would have missed messages.
    #[must_use]
    pub fn new(handlers: Vec<Arc<dyn EventHandler>>, settings: BusSettings) -> Self {
        let subscribe = |handler| Subscription {
            handler,
            places: Arc::new(Semaphore::new(settings.handlings_max)),
        };
        let subscriptions = handlers.into_iter().map(subscribe).collect();
        Self { subscriptions, settings, tasks: TaskTracker::new() }
    }

    /// Waits for running handlers to end. To be called after the relays have stopped and before the
    /// consumers' databases close.
    pub async fn close(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn deliver(
        &self,
        subscription: &Subscription,
        message: &Arc<Envelope>,
    ) -> Result<(), PublishError> {
        let consumer = subscription.handler.name();
        let Err(reason) = self.handle(subscription, message).await else { return Ok(()) };
        Span::current().record("otel.status_code", "ERROR");
        tracing::error!(consumer, event = message.name(), id = %message.id, reason, "parking a message");
        for tries in 1..=self.settings.tries_max {
            let (handler, parked) = (subscription.handler.clone(), message.clone());
            let reason = reason.clone();
            let parking = Box::pin(async move { handler.park(&parked, &reason).await });
            match self.run(parking).await {
                Ok(()) => {
                    messages::parked(consumer, &message.subject());
                    return Ok(());
                }
                Err(error) => {
                    tracing::error!(consumer, id = %message.id, tries, %error, "parking failed")
                }
            }
            tokio::time::sleep(self.settings.backoff(tries)).await;
        }
        Err(PublishError::Unheard(format!("{consumer} could neither handle nor park it: {reason}")))
    }

    /// The error is the reason why the message cannot be handled.
    async fn handle(
        &self,
        subscription: &Subscription,
        message: &Arc<Envelope>,
    ) -> Result<(), String> {
        let consumer = subscription.handler.name();
        let mut tries = 1;
        loop {
            match self.try_once(subscription, message).await {
                Ok(()) => {
                    tracing::debug!(tries, "handled");
                    messages::handled(consumer, &message.subject(), true);
                    messages::lag(consumer, message.occurred_at.as_micros());
                    return Ok(());
                }
                Err(HandlerError::Poison(reason)) => return Err(reason),
                Err(HandlerError::Transient(reason)) if tries >= self.settings.tries_max => {
                    return Err(format!("failed {tries} times, the last time: {reason}"));
                }
                Err(HandlerError::Transient(reason)) => {
                    messages::handled(consumer, &message.subject(), false);
                    tracing::warn!(consumer, event = message.name(), id = %message.id, tries, reason, "a message will be tried again");
                }
            }
            tokio::time::sleep(self.settings.backoff(tries)).await;
            tries += 1;
        }
    }

    async fn try_once(
        &self,
        subscription: &Subscription,
        message: &Arc<Envelope>,
    ) -> Result<(), HandlerError> {
        let place = subscription.places.clone().acquire_owned().await;
        let (handler, message) = (subscription.handler.clone(), message.clone());
        let handling = async move {
            let _place = place;
            handler.handle(&message).await
        };
        self.run(Box::pin(handling)).await
    }

    /// Runs a piece of a handler where nobody can drop it half-way, as whoever publishes may be.
    async fn run(
        &self,
        piece: BoxFuture<'static, Result<(), HandlerError>>,
    ) -> Result<(), HandlerError> {
        let ended = self.tasks.spawn(piece.in_current_span()).await;
        ended.unwrap_or_else(|panic| Err(HandlerError::Transient(panic.to_string())))
    }
}

#[async_trait]
impl Publisher for InProcessBus {
    async fn publish(&self, message: &Envelope) -> Result<(), PublishError> {
        self.tell(message).await
    }

    async fn publish_again(&self, message: &Envelope) -> Result<(), PublishError> {
        self.tell(message).await
    }
}

impl InProcessBus {
    async fn tell(&self, message: &Envelope) -> Result<(), PublishError> {
        let wanting = self
            .subscriptions
            .iter()
            .filter(|subscription| subscription.handler.event_names().contains(&message.name()));
        let message = Arc::new(message.clone());
        Span::current().record("messaging.system", SYSTEM);
        let deliveries = wanting.map(|subscription| {
            let span = handling(subscription.handler.name(), &message);
            self.deliver(subscription, &message).instrument(span)
        });
        // All are waited for, also after one has failed: none is cut off.
        join_all(deliveries).await.into_iter().collect()
    }
}

/// The span of one consumer's tries, to the end: a child of that in which the message is being sent.
fn handling(consumer: &'static str, message: &Envelope) -> Span {
    tracing::info_span!(
        "handle",
        otel.name = format!("process {}", message.name()),
        otel.kind = "consumer",
        otel.status_code = field::Empty,
        messaging.system = SYSTEM,
        messaging.operation.name = "process",
        messaging.operation.type = "process",
        messaging.destination.name = message.subject(),
        messaging.consumer.group.name = consumer,
        messaging.message.id = %message.id,
        consumer,
        event = message.name(),
        correlation_id = message.correlation_id,
    )
}
