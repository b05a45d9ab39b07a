//! The shell every gRPC server of the house stands in: who is calling, what an error looks like on
//! the wire, which connections are let in, how many calls run at once, and how a server stops.

mod auth;
pub mod batch;
mod deadline;
mod health;
mod idempotency;
mod limit;
pub mod limits;
mod listener;
pub mod objectives;
mod on_behalf;
mod pipe;
mod remap;
mod roles;
mod rpcs;
mod serve;
mod shell;
mod status;
mod tasks;
mod telling;
mod token_end;
mod verifier;
mod watchers;
pub mod wire;

pub use auth::caller_of;
pub use deadline::time_left;
pub use grpc_client::{PeerAddresses, Peers, dice, stopping};
pub use health::{Health, HealthGrpc};
pub use idempotency::{answer, reply_key};
pub use limit::{InFlight, Overloaded, Place, Room};
pub use listener::{Connection, Listener, ListenerSettings};
pub use on_behalf::{OnBehalf, pass_on_request_id, time_left_here};
pub use pipe::{Pipe, pipe};
pub use remap::rename;
pub use serve::{Drained, Server, ServerSettings};
pub use status::{advise_retry, refuse};
pub use tasks::Tasks;
pub use telling::begin_telling;
pub use verifier::{
    ClaimNames, ClaimPath, InvalidJwks, InvalidToken, KeyRotation, RoleNames, Verifier,
};
pub use watchers::{WatcherPlace, Watchers};
