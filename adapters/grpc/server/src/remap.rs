//! Gives the statuses that tonic makes by itself the codes the contract promises (reliability.md F6).

use http::{Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use kernel::{Fault, FaultClass, Violation};
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::status::{DOMAIN, refuse};

/// How tonic begins the text of a request that it could not read.
const UNREADABLE: [&str; 5] = [
    "failed to decode Protobuf message",
    "protocol error:",
    "Unexpected EOF decoding stream",
    "Missing request message",
    "Error decompressing",
];
/// How tonic begins the text of a request over the size limit, before and after decompression.
const TOO_LARGE: [&str; 2] =
    ["Error, decoded message length too large", "Error decompressing: size limit"];

/// The status under the name that the contract gives it. Clients need it too: their own timer also
/// says CANCELLED.
#[must_use]
pub fn rename(status: Status) -> Status {
    let text = status.message();
    let begins = |texts: &[&str]| texts.iter().any(|begin| text.starts_with(begin));
    if status.code() == Code::Cancelled && text == "Timeout expired" {
        deadline_exceeded()
    } else if begins(&TOO_LARGE) && !from_us(&status) {
        refuse(&TooLarge)
    } else if status.code() == Code::Internal && begins(&UNREADABLE) && !from_us(&status) {
        refuse(&Unreadable([Violation::new("", text)]))
    } else {
        status
    }
}

/// The same for a response that ended with its headers, as errors of unary calls do.
pub(crate) fn response(response: Response<Body>) -> Response<Body> {
    match Status::from_header_map(response.headers()) {
        Some(status) => {
            let code = status.code();
            let renamed = rename(status);
            if renamed.code() == code { response } else { renamed.into_http() }
        }
        None => response,
    }
}

/// The answer to what is no gRPC call at all.
pub(crate) fn not_grpc(request: &Request<Body>) -> Option<Response<Body>> {
    let content_type = request.headers().get(CONTENT_TYPE).map(|value| value.as_bytes());
    let grpc = content_type.is_some_and(|value| value.starts_with(b"application/grpc"));
    if grpc && request.method() == Method::POST {
        return None;
    }
    let mut refused = Response::new(Body::empty());
    *refused.status_mut() = if request.method() == Method::POST {
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    } else {
        StatusCode::METHOD_NOT_ALLOWED
    };
    Some(refused)
}

/// The caller's deadline has passed; what was begun may still complete.
pub(crate) fn deadline_exceeded() -> Status {
    Status::with_error_details(
        Code::DeadlineExceeded,
        "the deadline of the call has passed; what it began may still complete",
        ErrorDetails::with_error_info("DEADLINE_EXCEEDED", DOMAIN, []),
    )
}

/// Our own errors carry details, tonic's do not.
fn from_us(status: &Status) -> bool {
    !status.details().is_empty()
}

#[derive(Debug, thiserror::Error)]
#[error("the request cannot be read as a message of this method")]
struct Unreadable([Violation; 1]);

#[derive(Debug, thiserror::Error)]
#[error("the request is larger than {} bytes", crate::limits::DECODE_BYTES_MAX)]
struct TooLarge;

impl Fault for Unreadable {
    fn class(&self) -> FaultClass {
        FaultClass::Invalid
    }

    fn reason(&self) -> &'static str {
        "INVALID_FIELD"
    }

    fn violations(&self) -> &[Violation] {
        &self.0
    }
}

impl Fault for TooLarge {
    fn class(&self) -> FaultClass {
        FaultClass::Exhausted
    }

    fn reason(&self) -> &'static str {
        "MESSAGE_TOO_LARGE"
    }

    fn retry_after(&self) -> Option<std::time::Duration> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f6_tonics_own_statuses_get_the_contracts_codes() {
        for (given, text, named) in [
            (Code::Cancelled, "Timeout expired", Code::DeadlineExceeded),
            (Code::Cancelled, "client went away", Code::Cancelled),
            (Code::Internal, "failed to decode Protobuf message: x", Code::InvalidArgument),
            (Code::Internal, "Missing request message.", Code::InvalidArgument),
            (Code::Internal, "anything else", Code::Internal),
            (
                Code::OutOfRange,
                "Error, decoded message length too large: found",
                Code::ResourceExhausted,
            ),
            (Code::OutOfRange, "anything else", Code::OutOfRange),
        ] {
            assert_eq!(rename(Status::new(given, text)).code(), named, "{given:?} {text}");
        }
    }

    #[test]
    fn our_own_errors_stay_what_they_are() {
        let ours = Status::with_error_details(
            Code::Internal,
            "failed to decode Protobuf message",
            ErrorDetails::with_error_info("INTERNAL", DOMAIN, []),
        );
        assert_eq!(rename(ours).code(), Code::Internal);
    }
}
