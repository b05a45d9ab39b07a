//! What every call passes: who is calling, limits, deadlines, panics, and the names of statuses.

use std::num::NonZeroU32;
use std::time::Duration;

use bytes::Bytes;
use grpc_server::{ListenerSettings, Server, ServerSettings, Verifier, pipe};
use http::{Method, Request as HttpRequest, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use in_process_rates::Rate;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::issuer::{AUDIENCE, ISSUER, Key, claims, claims_but, jwks, verifier};
use crate::stage::{self, METHOD, Stage, perform, request, with_header};

const DRAIN: Duration = Duration::from_secs(5);

fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

#[tokio::test]
async fn the_handler_learns_who_is_calling() {
    let stage = stage::open(10, DRAIN).await;
    assert_eq!(stage.call("who").await.expect("answers"), "nobody");
    let bearer = format!("Bearer {}", stage.key.sign(&claims()));
    let said = perform(stage.channel().await, with_header(request("who"), &bearer)).await;
    assert_eq!(said.expect("answers"), "alice");
}

#[tokio::test]
async fn a_bad_header_is_refused_even_where_no_token_is_needed() {
    let stage = stage::open(10, DRAIN).await;
    let channel = stage.channel().await;
    let late = claims_but("exp", json!(jsonwebtoken::get_current_timestamp() - 61));
    let expired = format!("Bearer {}", stage.key.sign(&late));
    for bad in ["Basic YTpi", "Bearer", "Bearer ", "Bearer x", &expired] {
        let refused = perform(channel.clone(), with_header(request("who"), bad)).await;
        let status = refused.expect_err("refused");
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::Unauthenticated, "UNAUTHENTICATED")
        );
    }
    let good = format!("Bearer {}", stage.key.sign(&claims()));
    let twice = with_header(with_header(request("who"), &good), &good);
    assert_eq!(perform(channel, twice).await.expect_err("refused").code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_call_that_waits_for_keys_has_no_place_and_keeps_its_deadline() {
    let (verifier, rotation) = Verifier::fetching(ISSUER, AUDIENCE);
    let key = Key::ed25519("k", 1);
    let keys = jwks(&[&key]);
    let stage = stage::open_trusting(1, DRAIN, ListenerSettings::grpc(), verifier, key).await;
    let bearer = format!("Bearer {}", stage.key.sign(&claims()));
    let patient = tokio::task::spawn({
        let channel = stage.channel().await;
        perform(channel, with_header(request("who"), &bearer))
    });
    let mut late = with_header(request("who"), &bearer);
    late.set_timeout(Duration::from_millis(300));
    let late = perform(stage.channel().await, late).await.expect_err("nobody fetches");
    // The client has a clock too, and either may be first.
    assert!([Code::DeadlineExceeded, Code::Cancelled].contains(&late.code()), "{late:?}");
    assert_eq!(stage.server.in_flight(), 0, "none that waits");
    assert_eq!(stage.call("who").await.expect("the one place is free"), "nobody");
    let keeping = CancellationToken::new();
    let fetch = move || {
        let keys = keys.clone();
        async move { Ok(keys) }
    };
    let hour = Duration::from_secs(3600);
    let woken = async {
        let said = patient.await.expect("does not panic").expect("answers");
        keeping.cancel();
        said
    };
    let ((), said) = tokio::join!(rotation.keep(hour, fetch, keeping.clone()), woken);
    assert_eq!(said, "alice");
}

#[tokio::test]
async fn nobody_waits_for_keys_that_nobody_will_fetch() {
    let (verifier, rotation) = Verifier::fetching(ISSUER, AUDIENCE);
    rotation.forgo();
    let key = Key::ed25519("k", 1);
    let stage = stage::open_trusting(1, DRAIN, ListenerSettings::grpc(), verifier, key).await;
    let bearer = format!("Bearer {}", stage.key.sign(&claims()));
    let refused = perform(stage.channel().await, with_header(request("who"), &bearer)).await;
    assert_eq!(refused.expect_err("refused").code(), Code::Unauthenticated);
}

#[tokio::test]
async fn more_calls_than_places_are_refused_with_advice() {
    let stage = stage::open(1, DRAIN).await;
    let (first, other) = (stage.channel().await, stage.channel().await);
    let waiting = tokio::task::spawn(perform(first, request("wait")));
    stage.cues.entered.notified().await;
    assert_eq!(stage.server.in_flight(), 1);
    let status = perform(other.clone(), request("who")).await.expect_err("refused");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "OVERLOADED"));
    assert!(status.get_details_retry_info().is_some_and(|advice| advice.retry_delay.is_some()));

    let service = claims_but("roles", json!(["service"]));
    let bearer = format!("Bearer {}", stage.key.sign(&service));
    let ours = perform(other.clone(), with_header(request("who"), &bearer)).await;
    assert_eq!(ours.expect("part of a call that has its place"), "alice");

    stage.cues.go_on.notify_one();
    assert_eq!(waiting.await.expect("does not panic").expect("answers"), "waited");
    assert_eq!(perform(other, request("who")).await.expect("a place again"), "nobody");
}

#[tokio::test]
async fn f6_an_expired_deadline_says_so() {
    let stage = stage::open(10, DRAIN).await;
    let answer = raw(&stage, Method::POST, "application/grpc", Some("40m"), &frame("hang")).await;
    let status = Status::from_header_map(answer.headers()).expect("a status");
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::DeadlineExceeded, "DEADLINE_EXCEEDED")
    );
    let mut timely = request("time");
    timely.set_timeout(Duration::from_secs(20));
    assert_eq!(perform(stage.channel().await, timely).await.expect("answers"), "true");
}

#[tokio::test]
async fn a_body_knows_what_is_left_for_the_calls_it_makes() {
    let stage = stage::open(10, DRAIN).await;
    assert_eq!(stage.call("left").await.expect("answers"), "0", "no deadline, none to carry");
    let mut timely = request("left");
    timely.set_timeout(Duration::from_secs(20));
    let left = perform(stage.channel().await, timely).await.expect("answers");
    let left: u64 = left.parse().expect("milliseconds");
    assert!((1..=19_950).contains(&left), "shortened for the way back: {left}");
}

#[tokio::test]
async fn a_body_passes_on_the_id_of_its_request_if_it_is_fit_for_a_log() {
    let stage = stage::open(10, DRAIN).await;
    for (given, passed_on) in [("r-1", "r-1"), (&"x".repeat(129), ""), ("two words", "")] {
        let mut named = request("request id");
        named.metadata_mut().insert("x-request-id", given.parse().expect("ascii"));
        let said = perform(stage.channel().await, named).await.expect("answers");
        assert_eq!(said, passed_on, "{given}");
    }
    assert_eq!(stage.call("request id").await.expect("answers"), "", "no id, none to pass on");
}

#[tokio::test]
async fn a_panic_is_internal_and_keeps_its_text() {
    let stage = stage::open(10, DRAIN).await;
    let status = stage.call("panic").await.expect_err("panicked");
    assert_eq!(status.code(), Code::Internal);
    assert!(!status.message().contains("secret"));
    assert_eq!(stage.call("still here").await.expect("answers"), "still here");
}

#[tokio::test]
async fn f6_unreadable_requests_are_the_callers_fault() {
    let stage = stage::open(10, DRAIN).await;
    let huge = vec![b'x'; 1024 * 1024 + 1];
    for (body, code) in [
        (framed(0, &[0x0a, 0xff]), Code::InvalidArgument),
        (framed(0, &[0xff; 12]), Code::InvalidArgument),
        (framed(1, &[1, 2, 3]), Code::InvalidArgument),
        (framed(9, &[]), Code::InvalidArgument),
        (vec![0, 0, 0, 0, 9, 1], Code::InvalidArgument),
        (Vec::new(), Code::InvalidArgument),
        (framed(0, &huge), Code::ResourceExhausted),
        (vec![0, 0xff, 0xff, 0xff, 0xff], Code::ResourceExhausted),
    ] {
        let answer = raw(&stage, Method::POST, "application/grpc", None, &body).await;
        let status = Status::from_header_map(answer.headers()).expect("a status");
        assert_eq!(status.code(), code, "{}", status.message());
        assert!(!reason(&status).is_empty());
    }
}

#[tokio::test]
async fn a_deadline_that_cannot_be_read_is_refused() {
    let stage = stage::open(10, DRAIN).await;
    for bad in ["-1S", "soon", "1s"] {
        let answer = raw(&stage, Method::POST, "application/grpc", Some(bad), &frame("who")).await;
        let status = Status::from_header_map(answer.headers()).expect("a status");
        assert_eq!(status.code(), Code::InvalidArgument, "{bad}");
        let refused = status.get_details_bad_request().expect("says what is wrong");
        assert_eq!(refused.field_violations[0].field, "grpc-timeout");
    }
}

#[tokio::test]
async fn f6_what_is_no_grpc_call_gets_an_http_answer() {
    let stage = stage::open(10, DRAIN).await;
    for content_type in ["text/plain", "application/json", ""] {
        let answer = raw(&stage, Method::POST, content_type, None, &frame("who")).await;
        assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{content_type}");
    }
    let answer = raw(&stage, Method::GET, "application/grpc", None, &[]).await;
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn callers_in_the_process_pass_the_same_shell_without_tcp() {
    let stage = stage::open(10, DRAIN).await;
    let (pipe, channel) = pipe();
    let closing = CancellationToken::new();
    let piped = tokio::task::spawn({
        let (server, closing) = (stage.server.clone(), closing.clone());
        async move { server.serve_pipe(pipe, closing).await }
    });
    assert_eq!(perform(channel.clone(), request("who")).await.expect("answers"), "nobody");
    let bad = perform(channel.clone(), with_header(request("who"), "Bearer x")).await;
    assert_eq!(bad.expect_err("refused").code(), Code::Unauthenticated);
    closing.cancel();
    assert_eq!(piped.await.expect("ends").expect("serves"), grpc_server::Drained::Cleanly);
    let gone = perform(channel, request("who")).await.expect_err("closed");
    assert_eq!(gone.code(), Code::Unavailable);
}

#[tokio::test]
async fn who_calls_too_often_is_refused_and_nobody_else() {
    let key = crate::issuer::Key::ed25519("k", 1);
    let number = |n| NonZeroU32::new(n).expect("not zero");
    let subject_rate = Some(Rate { per_second: number(1), burst: number(3) });
    let settings = ServerSettings { in_flight_max: 100, subject_rate, drain: DRAIN };
    let server = Server::new(tonic::service::Routes::default(), verifier(&[&key]), settings);
    let (pipe, channel) = pipe();
    tokio::task::spawn(async move { server.serve_pipe(pipe, CancellationToken::new()).await });
    let (alice, service) = (claims(), claims_but("roles", json!(["service"])));
    let bob = claims_but("sub", json!("bob"));
    // Nobody answers here but the shell: who passes it hears that there is no such method.
    for (who, calls, let_in) in [(&alice, 6, 3), (&bob, 2, 2), (&service, 6, 6)] {
        let header = format!("Bearer {}", key.sign(who));
        for call in 0..calls {
            let request = with_header(request("who"), &header);
            let status = perform(channel.clone(), request).await.expect_err("nobody answers");
            if call < let_in {
                assert_eq!(status.code(), Code::Unimplemented, "{who} {call}");
                continue;
            }
            assert_eq!(status.code(), Code::ResourceExhausted, "{who} {call}");
            assert_eq!(reason(&status), "RATE_LIMITED");
            let told = telemetry_metrics::render(telemetry_metrics::Format::Prometheus);
            assert!(told.contains(r#"status="RATE_LIMITED""#), "counted apart from want of room");
            let advice = status.get_details_retry_info().and_then(|info| info.retry_delay);
            assert!(advice.is_some_and(|delay| delay <= Duration::from_secs(1)), "{advice:?}");
        }
    }
}

#[tokio::test]
async fn an_unknown_method_is_unimplemented() {
    let key = crate::issuer::Key::ed25519("k", 1);
    let settings = ServerSettings { in_flight_max: 1, subject_rate: None, drain: DRAIN };
    let server = Server::new(tonic::service::Routes::default(), verifier(&[&key]), settings);
    let (pipe, channel) = pipe();
    tokio::task::spawn(async move { server.serve_pipe(pipe, CancellationToken::new()).await });
    let status = perform(channel, request("who")).await.expect_err("unknown");
    assert_eq!(status.code(), Code::Unimplemented);
}

/// The bytes of a request that asks for this play.
fn frame(play: &str) -> Vec<u8> {
    framed(0, &prost::Message::encode_to_vec(request(play).get_ref()))
}

fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("short").to_be_bytes();
    [&[flag], length.as_slice(), message].concat()
}

/// A call made by hand, for what no client would send.
async fn raw(
    stage: &Stage,
    method: Method,
    content_type: &str,
    timeout: Option<&str>,
    body: &[u8],
) -> http::Response<Bytes> {
    let mut request = HttpRequest::builder()
        .method(method)
        .uri(format!("http://{}{METHOD}", stage.address))
        .header("content-type", content_type)
        .header("te", "trailers");
    if let Some(timeout) = timeout {
        request = request.header("grpc-timeout", timeout);
    }
    let request = request.body(Full::new(Bytes::copy_from_slice(body))).expect("a request");
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let (parts, body) = client.request(request).await.expect("an answer").into_parts();
    http::Response::from_parts(parts, body.collect().await.expect("a body").to_bytes())
}
