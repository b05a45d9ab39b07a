//! Every limit of the door, in one place.

/// What is the same through every door.
pub use grpc_client::limits::{DEADLINE_GRACE, READ_DEADLINE, REQUEST_DEADLINE, WRITE_DEADLINE};
use grpc_server::limits::DECODE_BYTES_MAX;

/// The mark and the length in front of each message.
const FRAME_HEAD_BYTES: usize = 5;
/// The largest request: one message as large as our servers take it.
pub const REQUEST_BYTES_MAX: usize = DECODE_BYTES_MAX + FRAME_HEAD_BYTES;
