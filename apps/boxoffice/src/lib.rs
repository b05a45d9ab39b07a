//! The whole platform in one process, and the commands around it.

mod audit;
pub mod demo;
pub mod http;
mod migrate;
mod platform;
mod rebuild_view;
mod token;

pub use audit::audit;
pub use migrate::migrate;
pub use platform::{Addresses, start};
pub use rebuild_view::{RebuildArguments, rebuild_view};
pub use token::TokenArguments;
