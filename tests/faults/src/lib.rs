//! What fault scenarios share: a platform over servers that may be killed, buyers who never stop asking, and the books
//! that must be right when the last fault is over. The scenarios stand under `tests/`.
#![expect(clippy::panic, reason = "a set-up that fails is a failed test, and says why")]

mod asking;
mod chance;
mod gateways;
mod load;
mod measured;
mod plain_nats;
pub mod resident;
mod scene;

pub use asking::until_answered;
pub use chance::{Chance, bookings, rounds, tell};
pub use load::{Acknowledged, Load, LoadPlan};
pub use measured::{Call, Measured};
pub use plain_nats::{delete_stream, not_delivered};
pub use scene::{Scene, all_rows};
