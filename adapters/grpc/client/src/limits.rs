//! Every limit of calls between our servers, in one place (reliability.md 7.9).

use std::time::Duration;

/// How often names are resolved again.
pub const RESOLVE_INTERVAL: Duration = Duration::from_secs(5);
/// How soon they are resolved again after a replica was lost.
pub const RESOLVE_SOON: Duration = Duration::from_millis(500);
/// How long resolving a name may take.
pub const RESOLVE_DEADLINE: Duration = Duration::from_secs(4);
/// The most names one peer may be given.
pub const NAMES_MAX: usize = 64;
/// The most replicas of one peer that are used.
pub const REPLICAS_MAX: usize = 64;
/// The most news of replicas that wait to be read.
pub const NEWS_MAX: usize = 64;
/// The most changes of the replicas that wait for the channel, which reads them at its next call.
pub const CHANGES_MAX: usize = 16;
/// How long connecting to a replica may take.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(2);
/// How often a silent replica is asked whether it lives.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// How long it may take to say so.
pub const KEEPALIVE_DEADLINE: Duration = Duration::from_secs(5);
/// What one answer or stream may send ahead of its reader.
pub const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
/// The same for all on a connection together: so much that readers who stand still never use up what others need.
pub const CONNECTION_WINDOW_BYTES: u32 = 1 << 30;
/// How many streams a replica may refuse or break on one connection before the connection counts
/// as attacked. Our own servers are honest, and many callers share a connection.
pub const LOCAL_RESETS_MAX: usize = 65_536;
/// How long a replica may take to say for the first time whether it serves.
pub const FIRST_WORD_DEADLINE: Duration = Duration::from_secs(2);
/// How long a replica is watched before it is asked anew: a server that asked its clients to leave
/// waits for open watches.
pub const WATCH_AGE_MAX: Duration = Duration::from_secs(60);
/// The first and the longest wait before a lost replica is asked again.
pub const WATCH_BACK_OFF: (Duration, Duration) =
    (Duration::from_millis(50), Duration::from_secs(1));
/// How long calls wait for a replica when none serves, counted from when the last was lost: the
/// time an only replica takes to restart. Then they fail at once.
pub const NOBODY_WAIT: Duration = Duration::from_secs(2);

/// The largest headers of a request at a door of ours, as HTTP/2 counts them. What the door adds must still fit through
/// the doors of our servers.
pub const HEADERS_BYTES_MAX: usize = 15 * 1024;
/// The longest request id that is logged and passed on.
pub const REQUEST_ID_CHARS_MAX: usize = 128;
/// How far the timers of one call may be apart: a call given up so shortly before its time is over
/// was given up because of it.
pub const TIMERS_APART: Duration = Duration::from_millis(10);

/// What a client that was not told when to come back is told.
pub const RETRY_DELAY: Duration = Duration::from_secs(1);
/// The soonest that the client of a stream is asked to come again to a server that stopped.
pub const STREAM_RETRY: Duration = Duration::from_millis(500);
/// Over how long clients are spread that come again.
pub const STREAM_RETRY_SPREAD: Duration = Duration::from_millis(1_500);
/// How long a client may take to send its request through a door.
pub const REQUEST_DEADLINE: Duration = Duration::from_secs(10);
/// How long a call that only reads may take, and a stream to begin.
pub const READ_DEADLINE: Duration = Duration::from_secs(3);
/// How long a call that changes something may take.
pub const WRITE_DEADLINE: Duration = Duration::from_secs(15);
/// How far the server's time and its caller's are apart, so that they do not end together: where the time is the
/// caller's own, the server is to say itself that it is over; where it was handed on by a client, the caller says so, and
/// the server hears that nobody waits. Well below what booking keeps of its time for an answer (its `ANSWER_TIME`), which
/// is to come before the client has gone.
pub const DEADLINE_GRACE: Duration = Duration::from_millis(100);

/// How often a call that never left is sent again.
pub const RESENDS_MAX: u32 = 2;
/// The longest first wait before a call is sent again; each next may be twice as long.
pub const RESEND_BACK_OFF: Duration = Duration::from_millis(50);
/// How many repeated reads a target may get at once.
pub const REPEATS_BURST: u32 = 10;
/// How many calls must succeed to earn one more repeated read: a tenth of them may be repeated.
pub const SUCCESSES_PER_REPEAT: u32 = 10;

const _: () = assert!(WATCH_BACK_OFF.0.as_millis() <= WATCH_BACK_OFF.1.as_millis());
