//! What the door itself refuses a call with: the contract's errors, in the words that REST has for the same.

use grpc_client::refusal;
use kernel::{Invalid, Violation};
use tonic::{Code, Status};

use crate::limits::REQUEST_BYTES_MAX;

/// There is no such rpc, or none that is anybody's to call from outside: nobody is told which.
pub(crate) fn no_such_rpc() -> Status {
    refusal(Code::Unimplemented, "ROUTE_NOT_FOUND", "there is nothing under this path")
}

pub(crate) fn too_large() -> Status {
    let message = format!("the body is larger than {REQUEST_BYTES_MAX} bytes");
    refusal(Code::ResourceExhausted, "MESSAGE_TOO_LARGE", message)
}

pub(crate) fn never_came() -> Status {
    refusal(Code::DeadlineExceeded, "REQUEST_TIMEOUT", "the body did not arrive in time")
}

/// Something is wrong with the request.
pub(crate) fn invalid(field: &str, description: &str) -> Status {
    grpc_server::refuse(&Invalid(vec![Violation::new(field, description)]))
}
