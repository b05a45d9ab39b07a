//! How our servers call each other: a channel to the replicas that say they serve, calls that are sent
//! again where that can do no harm, what an operator sees of each, and what a door in front of our servers
//! passes on and tells of them. It knows no context and no message.

mod admitted;
mod calls;
pub mod dice;
mod ending;
mod forwarded;
mod grpc_timeout;
pub mod limits;
mod method;
mod peers;
mod refusals;
mod request_id;
mod resend;

pub use admitted::{TurnedAway, admitted};
pub use calls::Calls;
pub use ending::{Ending, RATE_LIMITED, code_name, counted_as, is_rate_limited};
pub use forwarded::{TWICE, forwarded};
pub use grpc_timeout::{GRPC_TIMEOUT, NoTime, grpc_timeout};
pub use method::method_name;
pub use peers::{PeerAddresses, Peers};
pub use refusals::{
    DOMAIN, StreamPlace, StreamRoom, fault, never_came, overloaded, refusal, rename, stopping,
    too_large, too_late, unreachable,
};
pub use request_id::{REQUEST_ID, name_request, request_id};
pub use resend::{Repeat, Resend, never_sent};
