//! The bus over a real JetStream: what the relay and the consumers may rely on, also when the server is
//! killed, loses its stream, or forgets what it has confirmed.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a scene that cannot be set up is a failed test, and one consumer panics on purpose"
)]

mod authorized;
mod consuming;
mod faults;
mod inboxed;
mod journeys;
mod live;
mod many;
mod own_server;
mod publishing;
mod recorder;
mod scene;
mod vanishing;
mod watchdog;
