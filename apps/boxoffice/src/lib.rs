//! The whole platform in one process, and the commands around it.

mod audit;
mod databases;
mod dead_letters;
pub mod demo;
pub mod http;
mod instruction;
mod migrate;
mod platform;
mod rebuild_view;
mod refunds;
mod replay;
mod sagas;
mod token;

pub use audit::{AuditArguments, audit};
pub use databases::DatabaseArguments;
pub use dead_letters::{DeadLetterCommand, Whose, dead_letters};
pub use instruction::InstructionArguments;
pub use migrate::migrate;
pub use platform::{Addresses, start};
pub use rebuild_view::rebuild_view;
pub use refunds::{RefundCommand, refunds};
pub use replay::{ReplayArguments, replay};
pub use sagas::{SagaCommand, sagas};
pub use token::TokenArguments;
