//! gRPC and gRPC-Web through the gateway: what a client calls at its one address is passed to the
//! context's own server, byte for byte, over the connections that REST has to it.
//!
//! It reads no message. Which rpcs are public the descriptors say: those with a `google.api.http` rule, the same that
//! REST serves. [`PublicContract`] reads them, [`Door`] passes their calls on.

mod backend;
mod contract;
mod door;
pub mod limits;
mod media;
mod pass;
mod passing;
mod refusals;
mod visible;
mod web_text;

pub use contract::{ContractError, PublicContract};
pub use door::{Counts, Door, DoorSettings};
