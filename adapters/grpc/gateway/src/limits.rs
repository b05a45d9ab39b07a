//! Every limit of the door, in one place.

use std::time::Duration;

use grpc_server::limits::DECODE_BYTES_MAX;

/// The mark and the length in front of each message.
const FRAME_HEAD_BYTES: usize = 5;
/// The largest request: one message as large as our servers take it.
pub const REQUEST_BYTES_MAX: usize = DECODE_BYTES_MAX + FRAME_HEAD_BYTES;
/// How long a client may take to send its request.
pub const REQUEST_DEADLINE: Duration = Duration::from_secs(10);
/// How long a call that only reads may take, and a stream to begin.
pub const READ_DEADLINE: Duration = Duration::from_secs(3);
/// How long a call that changes something may take.
pub const WRITE_DEADLINE: Duration = Duration::from_secs(15);
/// How far the server's time and ours are apart, so that they do not end together: where the time is ours, the server
/// is to say itself that it is over; where it is the client's, we say so, and the server hears that nobody waits.
pub const DEADLINE_GRACE: Duration = Duration::from_millis(250);
