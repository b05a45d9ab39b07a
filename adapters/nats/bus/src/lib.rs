//! JetStream as the bus: the relay's publisher, and durable consumers shared by the replicas of a server.
//!
//! The outboxes of the contexts stay the source of truth. What is lost with a stream is published again
//! from them, and what comes twice is recognised by the inboxes of the consumers.

mod batch;
mod bus;
mod connection;
mod consumer;
mod delivery;
mod durability;
mod headers;
mod keeper;
mod live;
mod queue;
mod settings;
mod topology;

pub use bus::{InvalidNatsUrl, NatsBus};
pub use durability::{Durability, durability};
pub use live::Live;
pub use settings::{DeliverySettings, NatsSettings};
