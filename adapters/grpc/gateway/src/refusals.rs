//! What the door itself refuses a call with: the contract's errors, in the words that REST has for the same.

use grpc_client::refusal;
use kernel::{Invalid, Violation};
use tonic::{Code, Status};

/// There is no such rpc, or none that is anybody's to call from outside: nobody is told which.
pub(crate) fn no_such_rpc() -> Status {
    refusal(Code::Unimplemented, "ROUTE_NOT_FOUND", "there is nothing under this path")
}

/// Something is wrong with the request.
pub(crate) fn invalid(field: &str, description: &str) -> Status {
    grpc_server::refuse(&Invalid(vec![Violation::new(field, description)]))
}
