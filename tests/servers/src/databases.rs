//! Databases of the running servers, one for each who asks.

use std::sync::atomic::{AtomicU32, Ordering};

/// The servers there are tests over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseServer {
    /// PostgreSQL.
    Postgres,
    /// MariaDB, which speaks MySQL.
    MariaDb,
}

/// The address of a database that nobody has used, and that does not exist before it is migrated.
///
/// # Panics
/// When no servers run.
#[must_use]
#[expect(clippy::panic, reason = "a set-up that fails is a failed test, and says why")]
pub fn fresh_database(server: DatabaseServer) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let servers = crate::addresses().unwrap_or_else(|error| panic!("{error}"));
    let server = match server {
        DatabaseServer::Postgres => servers.postgres,
        DatabaseServer::MariaDb => servers.mariadb,
    };
    let since = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_micros());
    format!("{server}/t{}_{since}_{number}", std::process::id())
}
