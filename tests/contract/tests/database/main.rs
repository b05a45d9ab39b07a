//! What every context's store builds on, over every engine: the unit of work and its marks, leases,
//! retention, and the relay. (SQLite today; other engines join by another `support::open`.)
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its scene has failed")]

mod killed;
mod lease;
mod marks;
mod prune;
mod relay;
mod support;
mod unit_of_work;
