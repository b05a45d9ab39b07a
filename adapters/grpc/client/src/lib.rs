//! How our servers call each other: a channel to the replicas that say they serve, and calls that
//! are sent again where that can do no harm. It knows no context and no message.

mod dice;
pub mod limits;
mod peers;
mod resend;

pub use peers::{PeerAddresses, Peers};
pub use resend::{Repeat, Resend, never_sent};
