//! Every limit of the gateway, in one place.

use std::time::Duration;

/// What is the same through every door.
pub use grpc_client::limits::{
    DEADLINE_GRACE, READ_DEADLINE, REQUEST_DEADLINE, RETRY_DELAY, WRITE_DEADLINE,
};

/// The largest request body.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// How much of bodies that are still coming may be held, of all connections together.
pub const COMING_BYTES_MAX: usize = 64 * 1024 * 1024;
/// What each of them counts for beside its bytes: the head of its request, at its largest.
pub const COMING_BYTES_EACH: usize = 16 * 1024;
/// How deep JSON, and a dotted query parameter, may nest.
pub const DEPTH_MAX: usize = 64;
/// The largest response message taken from a server.
pub const MESSAGE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The most violations named at once.
pub const VIOLATIONS_MAX: usize = 32;
/// How much of a name that a client made up is repeated to it.
pub const NAME_CHARS_MAX: usize = 128;
/// How long a stream may take for its first message before the client is told that it is open.
pub const FIRST_EVENT_WAIT: Duration = Duration::from_secs(1);
/// How often a silent stream tells its client that it lives.
pub const EVENT_KEEPALIVE: Duration = Duration::from_secs(15);
/// The smallest answer that is compressed: below it one packet does either way.
pub const COMPRESS_BYTES_MIN: u64 = 1024;
/// The largest answer that is compressed where calls are answered; a larger one would keep others waiting.
pub const COMPRESS_INLINE_BYTES_MAX: usize = 128 * 1024;
/// How long a browser may remember what a page of another origin may do.
pub const PREFLIGHT_AGE: Duration = Duration::from_secs(600);

/// The most open connections; further ones wait in the kernel's queue.
pub const CONNECTIONS_MAX: usize = 10_000;
/// How long a client may take for the head of a request, the first or the next.
pub const HEAD_DEADLINE: Duration = Duration::from_secs(10);
/// How long a client may refuse to read its answer.
pub const STALL_DEADLINE: Duration = Duration::from_secs(10);
/// How long open requests may take to end when the server stops.
pub const DRAIN_DEADLINE: Duration = Duration::from_secs(15);
/// The largest head of an HTTP/1 request.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;
/// The largest header list of an HTTP/2 request. Up to here, a client whose headers are too large is told so in the words
/// of its protocol; whoever sends more gets a bare 431, as beyond [`HEAD_BYTES_MAX`].
pub const HEADER_LIST_BYTES_MAX: u32 = 32 * 1024;
/// How old a connection of HTTP/2 gets before its client is asked to reconnect, and over how long that is spread.
pub const CONNECTION_AGE: (Duration, Duration) =
    (Duration::from_secs(270), Duration::from_secs(60));
/// How long a client of HTTP/2 that was asked to leave may take for the answers that it has not taken, streams aside.
pub const ANSWER_DEADLINE: Duration = Duration::from_secs(60);
/// The most requests one HTTP/2 connection may have open.
pub const STREAMS_MAX: u32 = 256;
/// How often an idle HTTP/2 client is asked whether it lives.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
/// How long it may take to say so.
pub const KEEPALIVE_DEADLINE: Duration = Duration::from_secs(10);
/// How long accepting pauses when the process is out of file descriptors.
pub const ACCEPT_BACK_OFF: Duration = Duration::from_millis(100);

// A message of the JSON's depth must be decodable by prost, which stops at 100.
const _: () = assert!(DEPTH_MAX < 100);
// Whoever has just asked gets an answer.
const _: () = assert!(
    REQUEST_DEADLINE.as_millis() + WRITE_DEADLINE.as_millis() < ANSWER_DEADLINE.as_millis()
);
const _: () = assert!(BODY_BYTES_MAX + COMING_BYTES_EACH < COMING_BYTES_MAX);
