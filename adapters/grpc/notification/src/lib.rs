//! The notification context over gRPC: its service, and the consumer that hears the other contexts' events.

mod consumer;
mod convert;
mod facts;
mod service;

pub use consumer::LettersConsumer;
pub use service::NotificationGrpc;
