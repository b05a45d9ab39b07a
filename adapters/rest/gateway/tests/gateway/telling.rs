//! What is told of requests.

use axum::body::Body;
use futures::FutureExt;
use futures::stream::{self, StreamExt};
use http::Method;
use telemetry_metrics::{Format, render};
use tonic::Code;
use tower::ServiceExt;

use crate::support::{Bench, PROBE, request};

fn told(method: &str, endpoint: &str, status: &str) -> Option<u64> {
    let series = format!(
        r#"http_requests_total{{method="{method}",endpoint="{endpoint}",status="{status}"}} "#
    );
    let text = render(Format::Prometheus);
    let value = text.lines().find_map(|line| line.strip_prefix(&series));
    value.map(|value| value.parse().unwrap())
}

#[tokio::test]
async fn m03_a_client_that_leaves_before_its_answer_is_counted() {
    const SCANS: &str = "/v1/scans/{int32_field}/{colour}/{time}";
    let bench = Bench::answering(&[PROBE], |_, _| Ok(stream::pending().boxed()));
    let scan = request(Method::GET, "/v1/scans/-7/COLOUR_RED/2030-01-31T09:00:00Z", None);
    let mut answering = bench.router.clone().oneshot(scan);
    assert!((&mut answering).now_or_never().is_none());
    assert_eq!(told("GET", SCANS, "499"), None);
    drop(answering);
    assert_eq!(told("GET", SCANS, "499"), Some(1));
}

#[tokio::test]
async fn who_is_past_the_own_limit_is_counted_apart_from_who_finds_no_room() {
    const WATCH: &str = "/v1/probes:watch";
    for (reason, counted, not) in
        [("RATE_LIMITED", "RATE_LIMITED", "429"), ("OVERLOADED", "429", "RATE_LIMITED")]
    {
        let count = |status| told("GET", WATCH, status).unwrap_or_default();
        let before = (count(counted), count(not));
        let refused = grpc_client::refusal(Code::ResourceExhausted, reason, "");
        let bench = Bench::answering(&[PROBE], move |_, _| Err(refused.clone()));
        assert_eq!(bench.get(WATCH).await.status, 429);
        assert_eq!((count(counted), count(not)), (before.0 + 1, before.1), "{reason}");
    }
}

#[tokio::test]
async fn what_is_beside_the_routes_is_counted_under_its_path() {
    let bench = Bench::echoing(&[PROBE]);
    bench.get("/docs/start.js").await;
    assert!(told("GET", "/docs/start.js", "200").is_some());
}

#[tokio::test]
async fn r47_methods_and_paths_that_clients_make_up_share_one_name() {
    let bench = Bench::echoing(&[PROBE]);
    for number in 0..3 {
        let path = format!("/made-up-{number}");
        let method = Method::from_bytes(format!("MADEUP{number}").as_bytes()).unwrap();
        let made_up = http::Request::builder().method(method).uri(path);
        bench.send(made_up.body(Body::empty()).unwrap()).await;
    }
    assert!(told("_OTHER", "other", "404").is_some_and(|count| count >= 3));
    assert!(!render(Format::Prometheus).contains("made-up-"));
}
