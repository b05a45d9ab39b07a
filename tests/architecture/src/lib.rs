//! The house rules as programs that can fail: what the compiler cannot check and ARCHITECTURE.md promises.
//!
//! A [`rules::Rule`] is a function over a [`house::House`] — crates, source files and contract — and brings the
//! broken houses in which it must fail. `tests/the_house.rs` runs every rule over this repository and over those.
#![expect(clippy::panic, reason = "a house that cannot be read is a failed test, and says why")]

pub mod contract;
pub mod house;
pub mod rules;
pub mod source;
