//! What goes through, and how.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderMap;
use http_body_util::BodyExt;
use tonic::transport::Endpoint;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::stage::{BOOK, News, SEARCH, Stage, answer, door, framed, ok, request};

#[tokio::test]
async fn bytes_go_both_ways_as_they_are_and_of_headers_only_those_that_may() {
    let seen = Arc::new(Mutex::new(HeaderMap::new()));
    let told = Arc::clone(&seen);
    let stage = Stage::with(8, move |request, guard| {
        *told.lock().unwrap() = request.headers().clone();
        async move {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            guard.let_go();
            let mut response = ok(&body);
            response.headers_mut().insert("idempotency-replayed", "true".parse().unwrap());
            response
        }
    })
    .await;
    // No message of the contract: nobody on the way reads it.
    let mut call = request(BOOK, b"\xff\xff");
    for (name, value) in [
        ("authorization", "Bearer x"),
        ("idempotency-key", "k"),
        ("x-request-id", "mine"),
        ("grpc-timeout", "2S"),
        ("cookie", "secret"),
        ("x-forwarded-for", "10.0.0.1"),
    ] {
        call.headers_mut().insert(name, value.parse().unwrap());
    }
    let (headers, bytes, status) = stage.call(call).await;
    assert_eq!(status.code(), Code::Ok);
    assert_eq!(bytes, framed(&framed(b"\xff\xff")));
    assert_eq!(headers["idempotency-replayed"], "true");
    assert_eq!(headers["x-request-id"], "mine");
    let seen = seen.lock().unwrap();
    assert_eq!(seen["authorization"], "Bearer x");
    assert_eq!(seen["idempotency-key"], "k");
    assert_eq!(seen["x-request-id"], "mine");
    let told = grpc_client::grpc_timeout(&seen).unwrap().unwrap();
    assert!(
        (Duration::from_secs(1)..=Duration::from_millis(2250)).contains(&told),
        "the client's time and a touch: {told:?}"
    );
    assert!(!seen.contains_key("cookie") && !seen.contains_key("x-forwarded-for"), "{seen:?}");
}

#[tokio::test]
async fn a_refusal_arrives_with_its_details_at_once_or_after_messages() {
    let refusal = || {
        let details = ErrorDetails::with_error_info("SOLD_OUT", "boxoffice", []);
        Status::with_error_details(Code::FailedPrecondition, "no: 매진", details)
    };
    for late in [false, true] {
        let stage = Stage::with(8, move |_, guard| async move {
            guard.let_go();
            if late {
                let mut trailers = HeaderMap::new();
                refusal().add_header(&mut trailers).unwrap();
                answer(b"first", trailers)
            } else {
                refusal().into_http()
            }
        })
        .await;
        let (headers, _, status) = stage.call(request(BOOK, b"")).await;
        assert_eq!((status.code(), status.message()), (Code::FailedPrecondition, "no: 매진"));
        assert_eq!(status.details(), refusal().details(), "late: {late}");
        assert_eq!(headers["x-request-id"], "made");
    }
}

#[tokio::test]
async fn what_is_internal_is_refused_like_what_does_not_exist() {
    let mut stage = Stage::with(8, |_, _| async { ok(b"") }).await;
    let (_, _, internal) =
        stage.call(request("/boxoffice.ticket.v1.StockService/HoldStock", b"")).await;
    let (_, _, unknown) =
        stage.call(request("/boxoffice.ticket.v1.TicketService/Nothing", b"")).await;
    assert_eq!(internal.code(), Code::Unimplemented);
    assert_eq!((internal.message(), internal.details()), (unknown.message(), unknown.details()));
    assert!(stage.news.try_recv().is_err(), "nothing reached the server");
}

#[tokio::test]
async fn what_counts_once_is_refused_when_it_is_there_twice() {
    let mut stage = Stage::with(8, |_, _| async { ok(b"") }).await;
    for name in ["authorization", "idempotency-key"] {
        let mut call = request(BOOK, b"");
        for value in ["one", "two"] {
            call.headers_mut().append(name, value.parse().unwrap());
        }
        let (_, _, status) = stage.call(call).await;
        assert_eq!(status.code(), Code::InvalidArgument, "{name}");
        let violations = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!(violations[0].field, name);
    }
    let mut call = request(BOOK, b"");
    for name in ["authorization", "idempotency-key", "authorization", "idempotency-key"] {
        call.headers_mut().append(name, "one".parse().unwrap());
    }
    let (_, _, status) = stage.call(call).await;
    let violations = status.get_details_bad_request().unwrap().field_violations;
    let named: Vec<_> = violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(named, ["authorization", "idempotency-key"]);
    assert!(stage.news.try_recv().is_err(), "nothing reached the server");
}

#[tokio::test]
async fn a_server_that_is_away_is_told_in_the_contracts_words() {
    let nowhere = Endpoint::from_static("http://127.0.0.1:1").connect_lazy();
    let (door, _) = door(8, &nowhere).await;
    let response = door.answer(request(SEARCH, b"")).await;
    let status = Status::from_header_map(response.headers()).unwrap();
    assert_eq!(status.code(), Code::Unavailable);
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "UNAVAILABLE");
    assert!(details.retry_info().is_some());
    assert!(!status.message().contains("127.0.0.1"), "{}", status.message());
}

#[tokio::test]
async fn a_server_that_breaks_off_is_told_as_away() {
    let stage = Stage::with(8, |_, guard| async move {
        guard.let_go();
        let broken = futures::stream::iter([
            Ok(http_body::Frame::data(framed(b"one"))),
            Err(Status::internal("broke")),
        ]);
        let body = tonic::body::Body::new(http_body_util::StreamBody::new(broken));
        http::Response::builder().header("content-type", "application/grpc").body(body).unwrap()
    })
    .await;
    let (_, _, status) = stage.call(request(SEARCH, b"")).await;
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
}

#[tokio::test]
async fn a_request_that_is_too_large_reaches_nobody() {
    let mut stage = Stage::with(8, |_, _| async { ok(b"") }).await;
    let large = vec![0; grpc_gateway::limits::REQUEST_BYTES_MAX];
    let (_, _, status) = stage.call(request(BOOK, &large)).await;
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(status.get_details_error_info().unwrap().reason, "MESSAGE_TOO_LARGE");
    let largest = vec![0; grpc_server::limits::DECODE_BYTES_MAX];
    let (_, _, status) = stage.call(request(BOOK, &largest)).await;
    assert_eq!(status.code(), Code::Ok);
    assert_eq!(stage.news.recv().await, Some(News::Came));
}
