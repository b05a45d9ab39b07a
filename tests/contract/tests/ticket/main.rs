//! The ports of the ticket context, as its use cases may rely on them: one suite over every store.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a scene that cannot be set up is a failed test"
)]

mod accounts;
mod crowds;
mod earlier_holds;
mod house;
mod kinds;
mod migrated;
mod past_nights;
mod reduced;
mod scene;
mod search;
mod sold_out;
mod stock;
mod tickets;
mod watched;
