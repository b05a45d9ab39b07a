//! The whole platform, tested from outside: the real programs, real sockets, real databases.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "what goes wrong in a test fails it, and says where"
)]

mod access;
mod attacks;
mod audit;
mod bad_input;
mod by_hand;
mod cancel_policy;
mod cascade;
mod charges;
mod conformance;
mod correlation;
mod crash;
mod expiry;
mod foreign;
mod generated_clients;
mod hang_up;
mod hostile_grpc;
mod house_holds;
mod idempotency;
mod identity;
mod kinds;
mod limits;
mod my_page;
mod one_address;
mod operators;
mod pay_first;
mod pay_later;
mod python;
mod repair;
mod rest_conformance;
mod rpcs;
mod seats_and_nights;
mod shutdown;
mod startup;
mod story_demo;
mod story_grpcurl;
mod story_http;
mod story_streams;
mod stripe;
mod tls;
mod told_later;
mod world;
