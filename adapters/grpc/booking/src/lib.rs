//! The booking context over gRPC: its service, its events as messages, the consumer that moves bookings on,
//! and the clients through which it asks the ticket and payment contexts.

mod consumer;
mod convert;
mod facts;
mod payments_client;
mod peer;
mod request;
mod rests;
mod service;
mod steps;
mod terms;
mod tickets_client;
mod together;
mod turnstile;

pub use consumer::ProcessConsumer;
pub use facts::{envelope, newest};
pub use payments_client::PaymentsClient;
pub use peer::ServiceBearer;
pub use rests::Rests;
pub use service::{BookingGrpc, encode_refusal, encode_reply};
pub use tickets_client::TicketsClient;
pub use turnstile::Turnstile;
