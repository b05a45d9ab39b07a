//! How this context calls the others: every call with a deadline and our own servers' token, and every
//! error by its stable reason.

use std::error::Error;
use std::sync::Arc;

use booking::{PROCESS_CALL, Unanswered};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::{Code, ConnectError, Request, Response, Status};
use tonic_types::StatusExt;

/// The `authorization` metadata that our own servers show each other; short-lived, so asked for each call.
pub type ServiceBearer = Arc<dyn Fn() -> Result<MetadataValue<Ascii>, Status> + Send + Sync>;

/// A call that ends in time and says who calls.
///
/// # Errors
/// [`Unanswered`] when no token can be had.
pub(crate) fn call<M>(bearer: &ServiceBearer, message: M) -> Result<Request<M>, Unanswered> {
    let mut request = Request::new(message);
    request.set_timeout(PROCESS_CALL);
    let token = bearer().map_err(|status| unanswered(&status))?;
    request.metadata_mut().insert("authorization", token);
    Ok(request)
}

/// Waits for an answer no longer than the port allows, the time to connect included.
pub(crate) async fn in_time<A>(
    answer: impl Future<Output = Result<Response<A>, Status>>,
) -> Result<A, Status> {
    match tokio::time::timeout(PROCESS_CALL, answer).await {
        Ok(answered) => answered.map(Response::into_inner),
        Err(_elapsed) => Err(Status::deadline_exceeded("no answer in time")),
    }
}

/// Whether the call provably never left: there was no connection to send it on.
pub(crate) fn never_sent(status: &Status) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = status.source();
    while let Some(error) = cause {
        if error.is::<ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The stable name of an error that the peer's use case decided on; `None` where nobody decided.
pub(crate) fn reason(status: &Status) -> Option<String> {
    match status.code() {
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::Unimplemented
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss
        | Code::Unauthenticated
        | Code::PermissionDenied => None,
        Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::OutOfRange => Some(status.get_details_error_info()?.reason),
    }
}

/// A fact about an error, for programs.
pub(crate) fn metadata(status: &Status, name: &str) -> Option<String> {
    status.get_details_error_info()?.metadata.remove(name)
}

/// An answer that decides nothing.
pub(crate) fn unanswered(status: &Status) -> Unanswered {
    Unanswered(format!("{:?}: {}", status.code(), status.message()))
}
