//! The my page context over gRPC: its service, and the consumer that folds the other contexts' events.

mod consumer;
mod convert;
mod facts;
mod service;
mod watch;

pub use consumer::ViewsConsumer;
pub use service::MyPageGrpc;
