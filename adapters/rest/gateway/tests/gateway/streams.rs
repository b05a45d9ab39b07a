//! Server streams as Server-Sent Events.

use std::sync::Arc;

use futures::stream::{self, StreamExt};
use grpc_client::StreamRoom;
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use prost_reflect::{DynamicMessage, Value};
use tokio::sync::Semaphore;
use tonic::Status;
use tower::ServiceExt;

use crate::support::{Answer, Bench, PROBE, request};

const WATCH: &str = "/v1/probes:watch?name=p";

fn named(request: &tonic::Request<DynamicMessage>, name: &str) -> DynamicMessage {
    let mut message = request.get_ref().clone();
    message.set_field_by_name("name", Value::String(name.to_owned()));
    message
}

fn streaming(end: Option<Status>) -> Bench {
    Bench::answering(&[PROBE], move |_, request| -> Answer {
        let messages = ["a", "b"].map(|name| Ok(named(&request, name)));
        Ok(stream::iter(messages.into_iter().chain(end.clone().map(Err))).boxed())
    })
}

#[tokio::test]
async fn messages_are_events() {
    let answered = streaming(None).get(WATCH).await;
    assert_eq!(answered.status, StatusCode::OK);
    assert_eq!(answered.header("content-type"), "text/event-stream");
    let text = String::from_utf8(answered.body.to_vec()).unwrap();
    let events: Vec<&str> = text.split("\n\n").collect();
    assert_eq!(events.len(), 3, "{text}");
    assert!(events[0].starts_with(r#"data: {"name":"a","#), "{text}");
    assert!(events[1].starts_with(r#"data: {"name":"b","#), "{text}");
}

/// A server that answers with its request's token, and one that no line can hold.
fn following() -> Bench {
    Bench::answering(&[PROBE], |method, request| -> Answer {
        let asked = request.get_ref().get_field_by_name("resume_token").unwrap().into_owned();
        let token = asked.as_str().map(|token| format!("{token}+1")).unwrap();
        let answer = |token: &str| {
            let mut message = DynamicMessage::new(method.output());
            message.set_field_by_name("resume_token", Value::String(token.to_owned()));
            Ok(message)
        };
        Ok(stream::iter([answer(&token), answer("two\nlines")]).boxed())
    })
}

#[tokio::test]
async fn an_event_has_the_id_from_which_another_stream_goes_on() {
    let bench = following();
    let mut again = request(Method::GET, "/v1/probes:follow?resumeToken=old", None);
    again.headers_mut().insert("last-event-id", "seen".parse().unwrap());
    let answered = bench.send(again).await;
    let text = String::from_utf8(answered.body.to_vec()).unwrap();
    assert!(text.contains("\nid: seen+1\n"), "the header is newer than the address: {text}");
    assert_eq!(text.matches("id: ").count(), 1, "{text}");
    let answered = bench.get("/v1/probes:follow?resumeToken=old").await;
    assert!(String::from_utf8(answered.body.to_vec()).unwrap().contains("\nid: old+1\n"));
    let mut wrong = request(Method::GET, "/v1/probes:follow", None);
    let bytes = http::HeaderValue::from_bytes(b"\xff").unwrap();
    wrong.headers_mut().insert("last-event-id", bytes);
    assert_eq!(bench.send(wrong).await.wrong_fields(), ["last-event-id"]);
}

#[tokio::test]
async fn an_error_before_the_first_message_is_an_ordinary_error() {
    let late =
        Bench::answering(&[PROBE], |_, _| Ok(stream::iter([Err(Status::not_found("no"))]).boxed()));
    assert_eq!(late.get(WATCH).await.status, StatusCode::NOT_FOUND);
    let early = Bench::answering(&[PROBE], |_, _| Err(Status::unauthenticated("no")));
    assert_eq!(early.get(WATCH).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(Bench::alone(&[PROBE]).get(WATCH).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(early.get("/v1/probes:watch?nothing=1").await.wrong_fields(), ["nothing"]);
}

#[tokio::test]
async fn a_later_error_is_the_last_event() {
    let answered = streaming(Some(Status::unavailable("gone"))).get(WATCH).await;
    let text = String::from_utf8(answered.body.to_vec()).unwrap();
    let last = text.trim_end().rsplit("\n\n").next().unwrap();
    assert!(last.starts_with("event: error\ndata: {"), "{text}");
    assert!(last.contains(r#""code":14"#), "{text}");
    assert!(last.contains("\nretry: "), "{text}");
}

#[tokio::test]
async fn a_stream_without_messages_ends_well() {
    let bench = Bench::answering(&[PROBE], |_, _| Ok(stream::iter([]).boxed()));
    let answered = bench.get(WATCH).await;
    assert_eq!((answered.status, answered.body.len()), (StatusCode::OK, 0));
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_opens_and_tells_that_it_lives() {
    let bench = Bench::answering(&[PROBE], |_, _| Ok(stream::pending().boxed()));
    let response = bench.router.clone().oneshot(request(Method::GET, WATCH, None)).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let frame = response.into_body().frame().await.unwrap().unwrap();
    assert!(frame.into_data().unwrap().starts_with(b":"));
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_stream_at_the_server() {
    let left = Arc::new(Semaphore::new(0));
    let leaving = Arc::clone(&left);
    let bench = Bench::answering(&[PROBE], move |_, request| -> Answer {
        let guard = Leaving(Arc::clone(&leaving));
        let first = stream::iter([Ok(named(&request, "a"))]);
        let held = stream::pending().map(move |never| {
            let _ = &guard;
            never
        });
        Ok(first.chain(held).boxed())
    });
    let response = bench.router.clone().oneshot(request(Method::GET, WATCH, None)).await.unwrap();
    let mut body = response.into_body();
    body.frame().await.unwrap().unwrap();
    drop(body);
    let _left = left.acquire().await.unwrap();
}

#[tokio::test]
async fn streams_of_one_client_are_bounded() {
    let bench = Bench::answering(&[PROBE], |_, request| -> Answer {
        Ok(stream::iter([Ok(named(&request, "a"))]).chain(stream::pending()).boxed())
    });
    let own = Arc::new(Semaphore::new(1));
    let call = || {
        let (mut call, own) = (request(Method::GET, WATCH, None), Arc::clone(&own));
        let full = |_| Status::resource_exhausted("one at most");
        let room = StreamRoom::new(move || Arc::clone(&own).try_acquire_owned().map_err(full));
        call.extensions_mut().insert(room);
        bench.router.clone().oneshot(call)
    };
    let mut open = call().await.unwrap().into_body();
    open.frame().await.unwrap().unwrap();
    assert_eq!(call().await.unwrap().status(), StatusCode::TOO_MANY_REQUESTS);
    drop(open);
    assert_eq!(call().await.unwrap().status(), StatusCode::OK, "it came back with who left");
}

struct Leaving(Arc<Semaphore>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}
