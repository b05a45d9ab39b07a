//! gRPC-Web, and what is neither.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{Method, Request, StatusCode, Version};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use tonic::Status;
use tonic::body::Body;
use tonic_types::StatusExt;

use crate::stage::{SEARCH, Stage, framed, ok, request};

fn web(path: &str, kind: &str, body: impl Into<bytes::Bytes>) -> Request<Body> {
    let request = Request::post(path).version(Version::HTTP_11).header("content-type", kind);
    request.body(Body::new(Full::new(body.into()))).unwrap()
}

#[tokio::test]
async fn grpc_web_is_translated_in_both_its_encodings() {
    let stage = Stage::with(8, |request, guard| async move {
        assert_eq!(request.headers()["content-type"], "application/grpc");
        let body = request.into_body().collect().await.unwrap().to_bytes();
        guard.let_go();
        ok(&body)
    })
    .await;
    let sent = framed(b"asked");
    let call = web(SEARCH, "application/grpc-web+proto; charset=utf-8", sent.clone());
    let response = stage.door.clone().answer(call).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "application/grpc-web+proto");
    let got = response.into_body().collect().await.unwrap().to_bytes();
    let (message, trailers) = got.split_at(framed(&sent).len());
    assert_eq!(message, framed(&sent));
    assert_eq!(trailers[0], 0x80, "the trailers are a frame of their own");
    assert!(String::from_utf8_lossy(trailers).contains("grpc-status:0"), "{trailers:?}");

    let call = web(SEARCH, "application/grpc-web-text", BASE64_STANDARD.encode(&sent));
    let response = stage.door.clone().answer(call).await;
    let text = response.into_body().collect().await.unwrap().to_bytes();
    // Each frame may be padded for itself.
    let text = String::from_utf8(text.to_vec()).unwrap();
    assert!(text.starts_with(&BASE64_STANDARD.encode(&framed(&sent)[..12])), "{text}");
}

#[tokio::test]
async fn text_may_be_padded_anywhere_however_it_is_cut() {
    let stage = Stage::with(8, |request, guard| async move {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        guard.let_go();
        ok(&body)
    })
    .await;
    let send = async |pieces: Vec<&'static str>| {
        let pieces = pieces.into_iter().map(|piece| Ok::<_, Status>(Frame::data(piece.into())));
        let mut call = web(SEARCH, "application/grpc-web-text", "");
        *call.body_mut() = Body::new(StreamBody::new(futures::stream::iter(pieces)));
        // What comes back is easier to read as it is.
        call.headers_mut().insert("accept", "application/grpc-web".parse().unwrap());
        stage.door.clone().answer(call).await
    };
    for pieces in [
        vec!["AA==AAAAAA=="],
        vec!["AA==", "AAAAAA=="],
        vec!["AA=", "=A", "AAAA", "A=="],
        vec!["AAAAAAA="],
    ] {
        let shown = format!("{pieces:?}");
        let body = send(pieces).await.into_body().collect().await.unwrap().to_bytes();
        assert!(body.starts_with(&framed(&framed(b""))), "{shown}: {body:?}");
    }
    for pieces in [vec!["AA==AAAAAA="], vec!["AA=A"], vec!["A!=="], vec!["AAAAAAA=", "A"]] {
        let shown = format!("{pieces:?}");
        let response = send(pieces).await;
        let status = Status::from_header_map(response.headers()).unwrap();
        assert_eq!(status.code(), tonic::Code::InvalidArgument, "{shown}");
    }
}

#[tokio::test]
async fn a_refusal_of_the_door_reaches_a_browser_too() {
    let stage = Stage::with(8, |_, _| async { ok(b"") }).await;
    let call =
        web("/boxoffice.ticket.v1.StockService/HoldStock", "application/grpc-web", framed(b""));
    let response = stage.door.clone().answer(call).await;
    let status = Status::from_header_map(response.headers()).unwrap();
    assert_eq!(status.code(), tonic::Code::Unimplemented);
}

#[tokio::test]
async fn headers_that_our_servers_would_not_take_are_refused_for_good() {
    let stage = Stage::with(8, |_, _| async { ok(b"") }).await;
    for mut call in [web(SEARCH, "application/grpc-web", framed(b"")), request(SEARCH, b"")] {
        call.headers_mut().insert("authorization", "x".repeat(16 * 1024).parse().unwrap());
        let response = stage.door.clone().answer(call).await;
        let status = Status::from_header_map(response.headers()).unwrap();
        assert_eq!(status.code(), tonic::Code::ResourceExhausted);
        assert_eq!(status.get_details_error_info().unwrap().reason, "HEADERS_TOO_LARGE");
        assert!(status.get_details_retry_info().is_none(), "coming again is no help");
    }
}

#[tokio::test]
async fn f6_what_is_no_grpc_is_415_and_what_is_none_of_its_business_is_left() {
    let stage = Stage::with(8, |_, _| async { ok(b"") }).await;
    let plain = |method: Method, path: &str, kind: &str| {
        let mut request = request(path, b"");
        *request.method_mut() = method;
        request.headers_mut().insert("content-type", kind.parse().unwrap());
        request
    };
    for (method, path, kind) in [
        (Method::GET, SEARCH, "application/grpc"),
        (Method::POST, SEARCH, "text/plain"),
        (Method::POST, SEARCH, "application/json"),
        (Method::POST, "/v1/tickets", "application/grpc+json"),
        (Method::POST, "/grpc.health.v1.Health/Check", "application/json"),
    ] {
        let request = plain(method, path, kind);
        assert!(stage.door.takes(&request), "{request:?}");
        let response = stage.door.clone().answer(request).await;
        assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{path} {kind}");
    }
    for (method, path, kind) in [
        (Method::POST, "/v1/tickets", "application/json"),
        (Method::GET, "/v1/tickets", "text/plain"),
        (Method::OPTIONS, SEARCH, "text/plain"),
    ] {
        assert!(!stage.door.takes(&plain(method, path, kind)), "{path} {kind}");
    }
    let mut old = request(SEARCH, b"");
    *old.version_mut() = Version::HTTP_11;
    let response = stage.door.clone().answer(old).await;
    assert_eq!(response.status(), StatusCode::HTTP_VERSION_NOT_SUPPORTED);
}
