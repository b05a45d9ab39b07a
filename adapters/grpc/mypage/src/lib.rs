//! The my page context over gRPC: its service, and the consumer that folds the other contexts' events.

mod caught_up;
mod consumer;
mod convert;
mod facts;
mod service;
mod watch;

pub use caught_up::{CaughtUp, NextCommit};
pub use consumer::ViewsConsumer;
pub use facts::read as read_fact;
pub use service::MyPageGrpc;
pub use watch::BookingStreams;
