//! Faults of a running platform under load: what was acknowledged is kept, what was begun is finished, the books are
//! right. `cargo xtask faults` runs them at full length.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what goes wrong in a test fails it, and says where"
)]

mod any_order;
mod called_off;
mod deleted_midway;
mod grpc_health;
mod health;
mod kill_databases;
mod kill_nats;
mod kill_points;
mod kill_servers;
mod nats_away;
mod points;
mod probes;
mod rolling;
mod supporting_away;
