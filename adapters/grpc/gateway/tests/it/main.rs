//! The door, over a server that shows what reaches it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "what goes wrong in a test fails it, and says where"
)]

mod bounds;
mod passing;
mod stage;
mod web;
