//! The ticket context over gRPC: its two services, its events as messages, and the consumer that takes
//! a cancelled booking's stock back.

mod consumer;
mod convert;
mod facts;
mod house;
mod request;
mod service;
mod stock_convert;
mod stock_service;
mod watch;

pub use consumer::StockReturnConsumer;
pub use facts::envelope;
pub use house::encode_hold;
pub use service::{TicketGrpc, encode_reply};
pub use stock_service::StockGrpc;
pub use watch::{AvailabilityStreams, WATCHED_SLOTS_MAX};
