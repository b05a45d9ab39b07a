//! The shell over real sockets: tokens, statuses, deadlines, limits, health, and how it stops.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a broken stage stops its test where it broke, and calls run beside each other"
)]

mod health;
mod issuer;
mod shell;
mod silence;
mod stage;
mod stopping;
mod telling;
mod tokens;
