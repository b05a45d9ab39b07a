//! REST over gRPC, from the descriptors alone: routes, bindings and errors follow the
//! `google.api.http` annotations, so a new annotated rpc is served without new code here.
//!
//! It knows no domain crate and no message of the contract. [`Gateway`] makes the router,
//! [`serve_http`] serves it.

mod bind;
mod bodies;
mod call;
mod codec;
mod compress;
mod conditional;
mod connection;
mod cors;
mod created;
mod docs;
mod document;
mod error;
mod gateway;
mod json;
mod lasting;
mod leave;
pub mod limits;
mod negotiate;
mod openapi;
mod options;
mod page;
mod parameters;
mod percent;
mod problem;
mod request_schema;
mod responses;
mod routes;
mod rules;
mod scalar;
mod schema;
mod server;
mod sound;
mod stream;
mod telling;
mod template;
mod violations;
mod whole;

pub use codec::DynamicCodec;
pub use cors::Cors;
pub use gateway::Gateway;
pub use routes::Route;
pub use rules::GatewayError;
pub use server::{HttpSettings, Peer, Stopping, serve_http};
