//! What a server refuses, and what goes wrong on the way to it.

use std::time::Duration;

use futures::stream::{self, StreamExt};
use http::{Method, StatusCode};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::support::{Bench, PROBE};

fn refusing(status: Status) -> Bench {
    Bench::answering(&[PROBE], move |_, _| Err(status.clone()))
}

#[tokio::test]
async fn a_refusal_arrives_with_its_details() {
    let mut details = ErrorDetails::with_error_info("RATE_LIMITED", "boxoffice", []);
    details.set_retry_info(Some(Duration::from_millis(1200)));
    let status = Status::with_error_details(Code::ResourceExhausted, "slower", details);
    let answered = refusing(status).get("/v1/probes").await;
    assert_eq!(answered.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answered.header("retry-after"), "2");
    assert_eq!(answered.header("content-type"), "application/json");
    assert_eq!(answered.header("x-request-id"), "made-up");
    assert_eq!(answered.reason(), "RATE_LIMITED");
    assert_eq!(answered.json()["message"], "slower");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable_without_internals() {
    let answered = Bench::alone(&[PROBE]).get("/v1/probes").await;
    assert_eq!(answered.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answered.json()["code"], 14);
    assert_eq!(answered.reason(), "UNAVAILABLE");
    assert_eq!(answered.detail("RetryInfo")["retryDelay"], "1s");
    assert_eq!(answered.header("retry-after"), "1");
    let text = String::from_utf8(answered.body.to_vec()).unwrap();
    assert!(!text.contains("transport") && !text.contains("in-process"), "{text}");
}

#[tokio::test]
async fn a_fault_of_the_server_keeps_its_text() {
    let text = "table booking at /var/lib";
    for status in [Status::internal(text), Status::unknown(text), Status::data_loss(text)] {
        let answered = refusing(status).get("/v1/probes").await;
        assert_eq!(answered.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(answered.reason(), "INTERNAL");
        assert_eq!(answered.json()["message"], "a fault of our own; it is logged");
    }
}

#[tokio::test]
async fn a_server_that_is_too_slow_is_a_gateway_timeout() {
    for status in [Status::cancelled("Timeout expired"), Status::deadline_exceeded("late")] {
        let answered = refusing(status).get("/v1/probes").await;
        assert_eq!(answered.status, StatusCode::GATEWAY_TIMEOUT);
        assert_eq!(answered.json()["code"], 4);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_a_gateway_timeout() {
    let bench = Bench::answering(&[PROBE], |_, _| Ok(stream::pending().boxed()));
    for method in [Method::GET, Method::POST] {
        let answered = bench.json(method.clone(), "/v1/probes", "").await;
        assert_eq!(answered.status, StatusCode::GATEWAY_TIMEOUT, "{method}");
    }
}
