//! Real servers to test against: private PostgreSQL, MariaDB, NATS, a collector of traces, Prometheus, an
//! OpenID provider and two that speak as Stripe does, and where the shared ones are that `cargo xtask servers up` has started.

mod account;
mod collector;
pub mod deployment;
mod mariadb;
mod nats;
mod nginx;
mod oidc;
pub mod plain_get;
mod ports;
mod postgres;
pub mod process;
mod programs;
mod prometheus_server;
pub mod running;
mod scratch;
mod server;
mod stripe;

pub use collector::collector;
pub use mariadb::mariadb;
pub use nats::{nats, nats_for, nats_that_syncs};
pub use nginx::{Onward, nginx};
pub use oidc::{OIDC_CLIENT_SECRET, oidc_provider};
pub use ports::free_address;
pub use postgres::postgres;
pub use programs::{install_missing, postgres as postgres_program, prometheus, slowhttptest, tool};
pub use prometheus_server::{PROMETHEUS_CONFIGURATION, prometheus_server};
pub use rustix::process::Signal;
pub use scratch::Scratch;
pub use server::{Life, Server};
pub use stripe::{localstripe, stateful_stripe};

mod databases;

use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use databases::{DatabaseServer, fresh_database};

/// The addresses of the running servers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    /// PostgreSQL without a database's name: `postgres://boxoffice@127.0.0.1:5432`.
    pub postgres: String,
    /// MariaDB without a database's name: `mysql://root@127.0.0.1:3306`.
    pub mariadb: String,
    /// NATS: `nats://127.0.0.1:4222`.
    pub nats: String,
    /// NATS' monitoring: `http://127.0.0.1:8222`.
    pub nats_monitor: String,
}

/// The running servers, as the file says that `BOXOFFICE_SERVERS` names, or else the one in the usual place.
///
/// # Errors
/// What is missing and how to get it.
pub fn addresses() -> Result<Addresses, String> {
    from_file()
}

/// The same servers with their processes.
///
/// # Errors
/// What is missing and how to get it.
pub fn running_servers() -> Result<running::Running, String> {
    from_file()
}

fn from_file<T: DeserializeOwned>() -> Result<T, String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "set by xtask for tests, no configuration of the platform"
    )]
    let named = std::env::var_os("BOXOFFICE_SERVERS").map(PathBuf::from);
    let file = named.unwrap_or_else(state_file);
    let text = std::fs::read_to_string(&file);
    let text =
        text.map_err(|_| "no servers run: `cargo xtask servers up` starts them".to_owned())?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))
}

/// Where the addresses are written.
#[must_use]
pub fn state_file() -> PathBuf {
    std::env::temp_dir().join("boxoffice-servers").join("addresses.json")
}
