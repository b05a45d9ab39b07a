//! The shell every gRPC server of the house stands in: who is calling, what an error looks like on
//! the wire, which connections are let in, how many calls run at once, and how a server stops.

mod auth;
mod deadline;
mod health;
mod idempotency;
mod limit;
pub mod limits;
mod listener;
mod peers;
mod pipe;
mod remap;
mod serve;
mod shell;
mod status;
mod tasks;
mod verifier;
pub mod wire;

pub use auth::caller;
pub use deadline::time_left;
pub use health::{Health, HealthGrpc};
pub use idempotency::{answer, reply_key};
pub use listener::{Connection, Listener, ListenerSettings};
pub use peers::{PeerAddresses, Peers};
pub use pipe::{Pipe, pipe};
pub use remap::rename;
pub use serve::{Drained, Server, ServerSettings};
pub use status::refuse;
pub use tasks::Tasks;
pub use verifier::{InvalidJwks, InvalidToken, Verifier};
