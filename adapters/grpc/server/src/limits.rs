//! Every limit of the gRPC shell, in one place (reliability.md 7.10).

use std::time::Duration;

/// The largest request message, set on every generated service.
pub const DECODE_BYTES_MAX: usize = 1024 * 1024;
/// The largest response message, set on every generated service.
pub const ENCODE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The largest header list of a call.
pub const HEADER_LIST_BYTES_MAX: u32 = 16 * 1024;
/// The most calls and streams one connection may have open. The gateway has one connection to each server, and in the
/// in-process pipe every caller shares one: all watchers and all calls that a server takes MUST fit.
pub const STREAMS_MAX: u32 = 16_384;
/// The most calls of one connection that may be reset for what its client does wrong, before it must leave. tonic has
/// no such limit of its own: whoever makes it reset calls again and again (MadeYouReset) would be served for ever.
pub const RESETS_MAX: usize = 1024;
/// The most open connections of one listener; further ones wait in the kernel's queue.
pub const CONNECTIONS_MAX: usize = 10_000;
/// How long a new connection may take for its first bytes.
pub const FIRST_BYTES_DEADLINE: Duration = Duration::from_secs(5);
/// The first bytes of an HTTP/2 client: the preface and the header of its SETTINGS frame.
pub const H2_FIRST_BYTES: usize = 24 + 9;
/// How long accepting pauses when the process is out of file descriptors.
pub const ACCEPT_BACK_OFF: Duration = Duration::from_millis(100);
/// Connections are asked to reconnect after this long, give or take a tenth, so that clients find
/// new servers. There is no grace on top: it would cut calls (reliability.md F4).
pub const CONNECTION_AGE_MAX: Duration = Duration::from_secs(300);
/// How often an idle client is asked whether it lives.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
/// How long a client may take to say that it lives.
pub const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest any call may take to begin its answer, whatever the client allows.
pub const BACKSTOP: Duration = Duration::from_secs(30);
/// The most handler bodies at once, those of vanished clients included: twice as many as calls may run by default, so
/// that who was let in to hear that a ticket is sold out finds room beside those whose callers have left.
pub const TASKS_MAX: usize = 8192;
/// The most calls that come as one.
pub const BATCH_MAX: usize = 256;
/// How much of the client's deadline is kept for the way back.
pub const DEADLINE_MARGIN: Duration = Duration::from_millis(50);
/// The longest idempotency key.
pub const IDEMPOTENCY_KEY_CHARS_MAX: usize = 255;
/// The most violations named at once: details travel in a header, and clients limit headers.
pub const VIOLATIONS_MAX: usize = 32;
/// The longest error text, for the same reason.
pub const MESSAGE_CHARS_MAX: usize = 512;
/// How far clocks of the token's issuer and ours may differ.
pub const CLOCK_LEEWAY_SECS: u64 = 5;
/// The bytes of all requests together that may be under way in the in-process pipe.
pub const PIPE_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
/// The bytes an in-process pipe holds in each direction.
pub const PIPE_BYTES: usize = 256 * 1024;

const _: () = assert!(CLOCK_LEEWAY_SECS <= 60);
// The doors in front of us add a few headers of their own, none of which is long.
const _: () =
    assert!(grpc_client::limits::HEADERS_BYTES_MAX + 1024 <= HEADER_LIST_BYTES_MAX as usize);
const _: () = assert!(DECODE_BYTES_MAX <= ENCODE_BYTES_MAX);
