//! The limits of a process, in one place.

use std::ops::RangeInclusive;
use std::time::Duration;

/// The most connections to the admin port.
pub(crate) const ADMIN_CONNECTIONS_MAX: usize = 1024;
/// How long a client of a small port may take for its request's head.
pub(crate) const HEADER_DEADLINE: Duration = Duration::from_secs(5);
/// How long an admin client may take from its connection to the end of its answer.
pub(crate) const ADMIN_CONVERSATION: Duration = Duration::from_secs(10);
/// The most connections of those who post to us.
pub(crate) const HOOK_CONNECTIONS_MAX: usize = 64;
/// How long a post may take from its connection to the end of its answer, with a question to a provider in between.
pub(crate) const HOOK_CONVERSATION: Duration = Duration::from_secs(20);
/// The longest post.
pub(crate) const HOOK_BYTES_MAX: usize = 256 * 1024;
/// How long background loops may take to stop.
pub(crate) const WORKERS_STOP: Duration = Duration::from_secs(4);
/// How long handler bodies may take to end after the last connection has.
pub(crate) const TASKS_END: Duration = Duration::from_secs(4);
/// How long the in-process doors and the closing of stores may take.
pub(crate) const CLOSE: Duration = Duration::from_secs(3);
/// How long the last spans may take to reach the collector.
pub(crate) const FLUSH: Duration = Duration::from_secs(2);
/// Doors keep the drain time themselves; this much later they are given up.
pub(crate) const STOP_SLACK: Duration = Duration::from_secs(1);
/// A loop that failed waits this long before it begins again.
pub(crate) const WORKER_RESTART: Duration = Duration::from_secs(1);
/// How often the files of TLS are looked at.
pub(crate) const TLS_LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long a service token is valid; it is renewed at half of it.
pub(crate) const SERVICE_TOKEN: Duration = Duration::from_secs(300);
/// The longest wait that may be configured for anything, in milliseconds.
pub(crate) const WAIT_MS_MAX: u64 = 600_000;
/// The bytes that a stream of NATS may be told to hold: a mebibyte to a pebibyte.
pub(crate) const STREAM_BYTES: RangeInclusive<u64> = 1 << 20..=1 << 50;
