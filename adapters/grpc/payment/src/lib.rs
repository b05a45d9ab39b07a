//! The payment context over gRPC: its service, its events as messages, and the consumer that gives a
//! cancelled booking's money back.

mod batch;
mod consumer;
mod convert;
mod facts;
mod request;
mod service;

pub use consumer::RefundConsumer;
pub use facts::{envelope, newest};
pub use service::PaymentGrpc;
