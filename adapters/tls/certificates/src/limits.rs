//! Every limit of TLS and of accepted sockets, in one place.

use std::time::Duration;

/// The largest file that is read.
pub(crate) const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// How many bytes wait, encrypted, for a client that does not read: two records.
pub(crate) const BUFFER_BYTES: usize = 32 * 1024;
/// How long saying goodbye may take. A client that does not read would keep its place for ever.
pub(crate) const CLOSE_DEADLINE: Duration = Duration::from_secs(5);
/// How long a connection may be silent before the system asks whether anybody is there, and how often it asks again.
pub(crate) const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
pub(crate) const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
pub(crate) const KEEPALIVE_RETRIES: u32 = 4;
/// How long what was sent may stay unacknowledged: a stream has always something under way, so that its silence is
/// never asked about.
pub(crate) const UNACKNOWLEDGED: Duration = Duration::from_secs(60);
