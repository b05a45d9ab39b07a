//! JetStream as the bus: the relay's publisher, and durable consumers shared by the replicas of a server.

mod bus;

pub use bus::{InvalidNatsUrl, NatsBus, NatsSettings};
