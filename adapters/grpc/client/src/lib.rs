//! How our servers call each other: a channel to the replicas that say they serve, calls that are sent
//! again where that can do no harm, and what an operator sees of each. It knows no context and no message.

mod calls;
mod dice;
pub mod limits;
mod observed;
mod peers;
mod resend;

pub use calls::Calls;
pub use observed::{code_name, observed};
pub use peers::{PeerAddresses, Peers};
pub use resend::{Repeat, Resend, never_sent};
