//! What the suites over stores share: a database of each engine that nobody else uses, and the rules of
//! a suite run over all of them.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a database that cannot be had is a failed test, and says why"
)]

mod fresh;
mod over;

pub use fresh::{Engine, Fresh};
