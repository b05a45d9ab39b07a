//! Tests of the table from status to HTTP.

use std::time::Duration;

use serde_json::json;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::{DOMAIN, to_json};
use crate::negotiate::Wanted;

fn response(status: &Status) -> axum::response::Response {
    super::response(status, Wanted::of(&http::HeaderMap::new()))
}

fn status(code: Code, reason: &str, domain: &str) -> Status {
    let details = ErrorDetails::with_error_info(reason, domain, []);
    Status::with_error_details(code, "no", details)
}

#[test]
fn every_code_and_reason_has_its_http_code() {
    for (code, reason, http) in [
        (Code::InvalidArgument, "INVALID_FIELD", 400),
        (Code::InvalidArgument, "IDEMPOTENCY_KEY_REUSED", 422),
        (Code::FailedPrecondition, "SOLD_OUT", 409),
        (Code::FailedPrecondition, "NOT_CANCELLABLE", 409),
        (Code::OutOfRange, "X", 400),
        (Code::NotFound, "BOOKING_NOT_FOUND", 404),
        (Code::Unauthenticated, "UNAUTHENTICATED", 401),
        (Code::PermissionDenied, "PERMISSION_DENIED", 403),
        (Code::Aborted, "ETAG_MISMATCH", 409),
        (Code::Aborted, "IDEMPOTENCY_KEY_IN_USE", 409),
        (Code::AlreadyExists, "X", 409),
        (Code::ResourceExhausted, "RATE_LIMITED", 429),
        (Code::ResourceExhausted, "MESSAGE_TOO_LARGE", 413),
        (Code::ResourceExhausted, "HEADERS_TOO_LARGE", 431),
        (Code::InvalidArgument, "NOT_ACCEPTABLE", 406),
        (Code::InvalidArgument, "UNSUPPORTED_MEDIA_TYPE", 415),
        (Code::Unimplemented, "METHOD_NOT_ALLOWED", 405),
        (Code::Unavailable, "UNAVAILABLE", 503),
        (Code::DeadlineExceeded, "DEADLINE_EXCEEDED", 504),
        (Code::Unimplemented, "X", 501),
        (Code::Internal, "INTERNAL", 500),
        (Code::Unknown, "X", 500),
        (Code::DataLoss, "X", 500),
        (Code::Cancelled, "X", 499),
    ] {
        assert_eq!(response(&status(code, reason, DOMAIN)).status(), http, "{code:?} {reason}");
    }
    let others = status(Code::FailedPrecondition, "SOLD_OUT", "elsewhere");
    assert_eq!(response(&others).status(), 400);
    assert_eq!(response(&Status::failed_precondition("no")).status(), 400);
}

#[test]
fn retrying_is_told_in_whole_seconds_rounded_up() {
    let retry = |code, delay: Option<Duration>| {
        let mut details = ErrorDetails::with_error_info("X", DOMAIN, []);
        details.set_retry_info(delay);
        let response = response(&Status::with_error_details(code, "no", details));
        response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned())
    };
    assert_eq!(retry(Code::Unavailable, Some(Duration::from_millis(1500))).as_deref(), Some("2"));
    assert_eq!(retry(Code::Unavailable, Some(Duration::ZERO)).as_deref(), Some("1"));
    assert_eq!(retry(Code::ResourceExhausted, Some(Duration::from_secs(3))).as_deref(), Some("3"));
    assert_eq!(retry(Code::ResourceExhausted, None).as_deref(), Some("1"));
    assert_eq!(retry(Code::Aborted, Some(Duration::from_secs(1))).as_deref(), Some("1"));
    assert_eq!(retry(Code::Aborted, None), None);
}

#[test]
fn a_missing_token_names_the_scheme() {
    let response = response(&status(Code::Unauthenticated, "UNAUTHENTICATED", DOMAIN));
    assert_eq!(response.headers()["www-authenticate"], "Bearer");
}

#[test]
fn details_are_spelled_out() {
    let mut details =
        ErrorDetails::with_error_info("SOLD_OUT", DOMAIN, [("left".into(), "2".into())]);
    details.set_retry_info(Some(Duration::from_millis(1500)));
    details.add_bad_request_violation("a", "b");
    let mut found = to_json(&Status::with_error_details(Code::FailedPrecondition, "no", details));
    assert_eq!(found["code"], 9);
    assert_eq!(found["message"], "no");
    let mut found = std::mem::take(found["details"].as_array_mut().unwrap());
    found.sort_by_key(|detail| detail["@type"].to_string());
    assert_eq!(
        found,
        [
            json!({
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [{
                    "field": "a", "description": "b", "reason": "",
                }],
            }),
            json!({
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "SOLD_OUT", "domain": "boxoffice", "metadata": {"left": "2"},
            }),
            json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.500s"}),
        ]
    );
}

#[test]
fn details_that_cannot_be_read_are_passed_on_or_left_out() {
    let unknown = prost::Message::encode_to_vec(&tonic_types::pb::Status {
        code: 5,
        message: "no".into(),
        details: vec![prost_reflect::prost_types::Any {
            type_url: "type.googleapis.com/some.Thing".into(),
            value: vec![1, 2, 3],
        }],
    });
    let known = to_json(&Status::with_details(Code::NotFound, "no", unknown.into()));
    let thing = json!({"@type": "type.googleapis.com/some.Thing", "value": "AQID"});
    assert_eq!(known["details"], json!([thing]));
    let broken = Status::with_details(Code::NotFound, "no", b"\xff\xff".to_vec().into());
    assert_eq!(to_json(&broken), json!({"code": 5, "message": "no", "details": []}));
}
