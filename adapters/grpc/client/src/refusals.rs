//! What a door in front of our servers tells its clients of a call that did not get through.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use http::Extensions;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::dice;
use crate::limits::{RETRY_DELAY, STREAM_RETRY, STREAM_RETRY_SPREAD};

/// The `domain` of our own `ErrorInfo`.
pub const DOMAIN: &str = "boxoffice";

/// What a stream holds until it ends.
pub type StreamPlace = Box<dyn Any + Send>;

/// In a request's extensions: whoever stands before the door bounds the streams of the client that it comes from. A
/// door that opens one takes a place here first, and keeps it until the stream ends.
#[derive(Clone)]
pub struct StreamRoom(Arc<dyn Fn() -> Result<StreamPlace, Status> + Send + Sync>);

impl StreamRoom {
    /// Where places come from.
    pub fn new<P: Send + 'static>(
        enter: impl Fn() -> Result<P, Status> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(move || enter().map(|place| Box::new(place) as StreamPlace)))
    }

    /// A place for a stream that this request opens, or nothing where nobody bounds its client's.
    ///
    /// # Errors
    /// The refusal of whoever stands before the door.
    pub fn enter(extensions: &Extensions) -> Result<Option<StreamPlace>, Status> {
        extensions.get().map(|Self(enter)| enter()).transpose()
    }
}

impl fmt::Debug for StreamRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamRoom").finish_non_exhaustive()
    }
}

/// A refusal of the door's own.
pub fn refusal(code: Code, reason: &str, message: impl Into<String>) -> Status {
    Status::with_error_details(code, message, ErrorDetails::with_error_info(reason, DOMAIN, []))
}

/// A server cannot be reached. The cause is for the log alone.
#[must_use]
pub fn unreachable() -> Status {
    let mut details = ErrorDetails::with_error_info("UNAVAILABLE", DOMAIN, []);
    details.set_retry_info(Some(RETRY_DELAY));
    let message = "something we need is away for the moment; try again";
    Status::with_error_details(Code::Unavailable, message, details)
}

/// What ends the streams of a server or a door that stops: its clients come again, not all at the same moment, and go
/// on from their resume tokens.
#[must_use]
pub fn stopping() -> Status {
    let mut details = ErrorDetails::with_error_info("STOPPING", DOMAIN, []);
    details.set_retry_info(Some(STREAM_RETRY + dice::up_to(STREAM_RETRY_SPREAD)));
    let message = "the server stops; come again with the last resume token";
    Status::with_error_details(Code::Unavailable, message, details)
}

/// The request is larger than the door takes.
#[must_use]
pub fn too_large(most: usize) -> Status {
    let message = format!("the body is larger than {most} bytes");
    refusal(Code::ResourceExhausted, "MESSAGE_TOO_LARGE", message)
}

/// There is no room for the request; soon there may be.
#[must_use]
pub fn overloaded() -> Status {
    let mut details = ErrorDetails::with_error_info("OVERLOADED", DOMAIN, []);
    details.set_retry_info(Some(RETRY_DELAY));
    let message = "too many requests at once; try again a little later";
    Status::with_error_details(Code::ResourceExhausted, message, details)
}

/// The request took too long to come.
#[must_use]
pub fn never_came() -> Status {
    refusal(Code::DeadlineExceeded, "REQUEST_TIMEOUT", "the body did not arrive in time")
}

/// The time is up.
#[must_use]
pub fn too_late() -> Status {
    let message = "the answer took too long; what the call began may still complete";
    refusal(Code::DeadlineExceeded, "DEADLINE_EXCEEDED", message)
}

/// A fault of the servers or our own, whose text the client does not get.
#[must_use]
pub fn fault() -> Status {
    refusal(Code::Internal, "INTERNAL", "a fault of our own; it is logged")
}

/// A status that the server sent is the client's to see; what was made on the way is for the log.
#[must_use]
pub fn rename(rpc: &str, status: Status) -> Status {
    if status.code() == Code::Cancelled && status.message() == "Timeout expired" {
        return too_late();
    }
    if let Some(cause) = std::error::Error::source(&status) {
        tracing::warn!(rpc, code = ?status.code(), cause, "a call did not get through");
        return unreachable();
    }
    let broken = matches!(status.code(), Code::Internal | Code::Unknown | Code::DataLoss)
        || status.message().starts_with("Error, decoded message length too large");
    if broken && status.details().is_empty() {
        tracing::error!(rpc, %status, "an answer is broken");
        return fault();
    }
    status
}
