//! Facts on their way between contexts: the envelope, and the two ports of a bus.

use async_trait::async_trait;

use crate::{EventId, Fault, FaultClass, Timestamp};

/// A domain event with all that the envelope needs and only the use case knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded<E> {
    /// Its identity: consumers handle one id once.
    pub id: EventId,
    /// When it happened.
    pub at: Timestamp,
    /// Its place in the row of its aggregate's events: 1, 2, 3 … without a gap.
    pub version: i64,
    /// The booking that led to it, or the ticket for a ticket's own (row N08).
    pub correlation_id: String,
    /// The message or command that led to it, where one is known.
    pub causation_id: Option<String>,
    /// What happened.
    pub event: E,
}

/// One published fact. CloudEvents attributes by other names; the payload is the event's protobuf message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Identity: the same id is the same fact however often it arrives.
    pub id: EventId,
    /// The message's full proto name, `boxoffice.ticket.v1.TicketRegistered`.
    pub event_type: String,
    /// The publishing context: `ticket`, `booking`, `payment`.
    pub source: String,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// What kind of thing it happened to: `ticket`, `hold`, `booking`, `payment`.
    pub aggregate_type: String,
    /// Which one.
    pub aggregate_id: String,
    /// Its place among that one's events: 1, 2, 3 … without a gap.
    pub aggregate_version: i64,
    /// The booking id for all that a booking causes, the ticket id for a ticket's own.
    pub correlation_id: String,
    /// What led to it.
    pub causation_id: Option<String>,
    /// W3C trace context of the call that led to it.
    pub traceparent: Option<String>,
    /// The encoded protobuf message.
    pub payload: Vec<u8>,
}

impl Envelope {
    /// The event's name without its package: `TicketRegistered`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.event_type.rsplit('.').next().unwrap_or_default()
    }

    /// Where it is told: `boxoffice.booking.booking.BookingPlaced`.
    #[must_use]
    pub fn subject(&self) -> String {
        format!("boxoffice.{}.{}.{}", self.source, self.aggregate_type, self.name())
    }
}

/// The bus did not take a message. It stays in the outbox.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The bus is away or has no room; the same message may pass later, so it is tried again for ever.
    #[error("the bus did not take the message: {0}")]
    Away(String),
    /// It is there, and somebody who wants this very message can neither handle it nor set it aside. Tried again for
    /// ever; it says nothing of other messages.
    #[error("a consumer did not take the message: {0}")]
    Unheard(String),
    /// The bus refuses this very message; after many tries it is set aside for an operator (trap R18).
    #[error("the bus refuses the message: {0}")]
    Refused(String),
}

/// The outbound side of a bus. Only the outbox relay calls it.
#[async_trait]
pub trait Publisher: Send + Sync {
    /// Hands one message over. MUST return `Ok` only once the message cannot be lost any more.
    /// MUST keep the order of calls for one aggregate; the relay awaits each before it sends the next.
    /// MAY deliver a message more than once.
    async fn publish(&self, message: &Envelope) -> Result<(), PublishError>;

    /// The same for a message that was published before and is told again, since somebody lost it. A bus
    /// that drops repeats MUST NOT drop this one.
    async fn publish_again(&self, message: &Envelope) -> Result<(), PublishError>;
}

/// Why a consumer did not handle a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandlerError {
    /// Trying again later may work.
    #[error("will be tried again: {0}")]
    Transient(String),
    /// Trying again cannot work: the message is set aside for an operator (trap R18).
    #[error("cannot be handled: {0}")]
    Poison(String),
}

impl HandlerError {
    /// What a failure of a use case means for the message: what may pass is tried again, what is
    /// decided or broken stays so however often the message comes.
    #[must_use]
    pub fn of(error: &(impl Fault + ?Sized)) -> Self {
        match error.class() {
            FaultClass::Unavailable | FaultClass::Contended | FaultClass::Exhausted => {
                Self::Transient(error.to_string())
            }
            FaultClass::Unauthenticated
            | FaultClass::Forbidden
            | FaultClass::NotFound
            | FaultClass::Invalid
            | FaultClass::Refused
            | FaultClass::Bug => Self::Poison(error.to_string()),
        }
    }
}

/// The inbound side of a bus: one durable consumer of one context.
#[async_trait]
pub trait EventHandler: Send + Sync {
    /// The consumer's stable name: the key of its inbox rows.
    fn name(&self) -> &'static str;

    /// The short event names it wants; the bus delivers no others.
    fn event_names(&self) -> &'static [&'static str];

    /// Handles one message. MUST return `Ok` only after its effect is durable, MUST have one effect
    /// for one message id however often it comes, and MUST take messages of different aggregates in any order.
    async fn handle(&self, message: &Envelope) -> Result<(), HandlerError>;

    /// Sets a message aside durably, with the reason, after [`HandlerError::Poison`] or too many tries.
    async fn park(&self, message: &Envelope, reason: &str) -> Result<(), HandlerError>;
}
