//! A whole process in a test: its admin port, whose tokens it takes, and the order in which it stops.
#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a broken stage stops its test where it broke, and processes run beside each other"
)]

mod admin;
mod lifecycle;
mod stage;
mod trust;
