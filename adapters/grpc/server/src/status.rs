//! The only table from a failure's class to a gRPC code, and the details an error carries.

use std::collections::HashMap;
use std::time::Duration;

use kernel::{Fault, FaultClass, with_causes};
use prost::Message;
use proto::google::rpc::RetryInfo;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::limits::{MESSAGE_CHARS_MAX, VIOLATIONS_MAX};

/// The `domain` of every `ErrorInfo`.
pub(crate) const DOMAIN: &str = "boxoffice";

/// What a caller is told of a failure. The text of our own faults and of missing dependencies goes
/// to the log instead.
pub fn refuse(fault: &(impl Fault + ?Sized)) -> Status {
    let facts = fault.metadata().into_iter().map(|(name, fact)| (name.to_owned(), fact));
    let (message, metadata) = match fault.class() {
        FaultClass::Unavailable => {
            tracing::warn!(
                reason = fault.reason(),
                cause = with_causes(fault),
                "a dependency is away or behind"
            );
            let message = "something we need is away or behind for the moment; try again";
            (message.to_owned(), facts.collect())
        }
        FaultClass::Bug => {
            tracing::error!(
                reason = fault.reason(),
                cause = with_causes(fault),
                "a fault of our own"
            );
            ("a fault of our own; it is logged".to_owned(), HashMap::new())
        }
        FaultClass::Unauthenticated
        | FaultClass::Forbidden
        | FaultClass::NotFound
        | FaultClass::Invalid
        | FaultClass::Refused
        | FaultClass::Contended
        | FaultClass::Exhausted => {
            (fault.to_string().chars().take(MESSAGE_CHARS_MAX).collect(), facts.collect())
        }
    };
    let mut details = ErrorDetails::with_error_info(fault.reason(), DOMAIN, metadata);
    let violations = fault.violations().iter().take(VIOLATIONS_MAX);
    for violation in violations {
        details.add_bad_request_violation(&violation.field, &violation.description);
    }
    if let Some(delay) = fault.retry_after() {
        details.set_retry_info(Some(delay));
    }
    Status::with_error_details(code(fault.class()), message, details)
}

/// Tells in the headers of an answer that is no error when asking again makes sense: `retry-after` in whole seconds, as
/// HTTP says it, and a `google.rpc.RetryInfo`, as an error's details say it.
pub fn advise_retry(metadata: &mut MetadataMap, after: Duration) {
    let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
    metadata.insert("retry-after", seconds.max(1).into());
    let delay = prost_types::Duration::try_from(after).unwrap_or_default();
    let info = RetryInfo { retry_delay: Some(delay) };
    let info = MetadataValue::from_bytes(&info.encode_to_vec());
    metadata.insert_bin("google.rpc.retryinfo-bin", info);
}

const fn code(class: FaultClass) -> Code {
    match class {
        FaultClass::Unauthenticated => Code::Unauthenticated,
        FaultClass::Forbidden => Code::PermissionDenied,
        FaultClass::NotFound => Code::NotFound,
        FaultClass::Invalid => Code::InvalidArgument,
        FaultClass::Refused => Code::FailedPrecondition,
        FaultClass::Contended => Code::Aborted,
        FaultClass::Exhausted => Code::ResourceExhausted,
        FaultClass::Unavailable => Code::Unavailable,
        FaultClass::Bug => Code::Internal,
    }
}

#[cfg(test)]
mod tests {
    use kernel::{AccessDenied, Invalid, StoreError, Violation};

    use super::*;

    #[test]
    fn every_class_has_its_code() {
        for (class, expected) in [
            (FaultClass::Unauthenticated, Code::Unauthenticated),
            (FaultClass::Forbidden, Code::PermissionDenied),
            (FaultClass::NotFound, Code::NotFound),
            (FaultClass::Invalid, Code::InvalidArgument),
            (FaultClass::Refused, Code::FailedPrecondition),
            (FaultClass::Contended, Code::Aborted),
            (FaultClass::Exhausted, Code::ResourceExhausted),
            (FaultClass::Unavailable, Code::Unavailable),
            (FaultClass::Bug, Code::Internal),
        ] {
            assert_eq!(code(class), expected, "{class:?}");
        }
    }

    #[test]
    fn a_wrong_request_names_every_wrong_field() {
        let fault = Invalid(vec![Violation::new("a", "must be given"), Violation::new("b", "no")]);
        let status = refuse(&fault);
        assert_eq!(status.code(), Code::InvalidArgument);
        let details = status.get_error_details();
        let info = details.error_info().expect("info");
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("INVALID_FIELD", "boxoffice"));
        let request = details.bad_request().expect("violations");
        let fields: Vec<_> = request.field_violations.iter().map(|v| v.field.as_str()).collect();
        assert_eq!(fields, ["a", "b"]);
        assert!(details.retry_info().is_none());
    }

    #[test]
    fn details_stay_below_the_header_limits_of_clients() {
        let many = (0..5000).map(|n| Violation::new(format!("seats[{n}]"), "is taken twice"));
        let status = refuse(&Invalid(many.collect()));
        assert!(status.message().len() + status.details().len() < 8 * 1024);
    }

    #[test]
    fn no_internals_reach_a_caller() {
        let cause = "disk I/O error at /var/db.sqlite".to_owned();
        let row = StoreError::CorruptRow { table: "bookings", id: "7".into(), column: "status" };
        for (fault, code) in [
            (StoreError::Unavailable { doing: "SELECT", cause }, Code::Unavailable),
            (row, Code::Internal),
        ] {
            let status = refuse(&fault);
            assert_eq!(status.code(), code);
            for inside in ["disk", "sqlite", "SELECT", "bookings"] {
                assert!(!status.message().contains(inside), "{}", status.message());
            }
        }
    }

    #[test]
    fn an_answer_too_says_when_to_ask_again() {
        let mut headers = MetadataMap::new();
        advise_retry(&mut headers, Duration::from_millis(4_001));
        assert_eq!(headers.get("retry-after").map(|after| after.as_bytes()), Some(&b"5"[..]));
        let info = headers.get_bin("google.rpc.retryinfo-bin").expect("there");
        let info = RetryInfo::decode(info.to_bytes().expect("base64")).expect("a message");
        let delay = info.retry_delay.expect("there");
        assert_eq!((delay.seconds, delay.nanos), (4, 1_000_000));
    }

    #[test]
    fn a_retry_is_advised_where_it_makes_sense() {
        let away = StoreError::Unavailable { doing: "reading", cause: String::new() };
        let advice = refuse(&away).get_details_retry_info().and_then(|info| info.retry_delay);
        assert_eq!(advice, Some(Duration::from_secs(1)));
        assert!(refuse(&AccessDenied::Unauthenticated).get_details_retry_info().is_none());
    }
}
