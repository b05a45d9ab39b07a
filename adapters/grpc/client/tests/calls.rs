//! What is told of calls that a peer does not answer: a peer that hangs must not look healthy (M03).
#![expect(clippy::expect_used, reason = "a broken stage stops its test where it broke")]

use std::time::Duration;

use futures::FutureExt;
use grpc_client::Calls;
use telemetry_metrics::{Format, render};
use tokio::net::TcpListener;
use tonic::transport::Endpoint;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

const ALLOWED: Duration = Duration::from_millis(20);

/// A call to a peer that lets clients connect and says nothing. It is not polled yet.
async fn hanging() -> impl Future<Output = Result<(), tonic::Status>> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("a URL");
    let mut client = HealthClient::new(Calls::new(endpoint.connect_lazy()));
    async move {
        let _hangs = listener;
        let mut request = Request::new(HealthCheckRequest::default());
        request.set_timeout(ALLOWED);
        client.check(request).await.map(|_| ())
    }
}

/// How many calls ended so, as counted and as measured.
fn told(status: &str) -> u64 {
    let labels = r#"service="grpc.health.v1.Health",method="Check""#;
    let counted = format!(r#"grpc_client_requests_total{{{labels},status="{status}"}} "#);
    number(&counted)
}

fn measured() -> u64 {
    number(
        "grpc_client_request_duration_seconds_count{service=\"grpc.health.v1.Health\",method=\"Check\"} ",
    )
}

fn number(series: &str) -> u64 {
    let text = render(Format::Prometheus);
    let value = text.lines().find_map(|line| line.strip_prefix(series));
    value.map_or(0, |value| value.parse().expect("a number"))
}

/// One test, because the numbers are those of the whole process.
#[tokio::test(start_paused = true)]
async fn m03_calls_without_an_answer_are_counted_by_why_they_ended() {
    let by_its_timer = hanging().await.await.expect_err("nobody answers");
    assert_eq!(by_its_timer.code(), Code::Cancelled, "as tonic has it");
    assert_eq!((told("DEADLINE_EXCEEDED"), told("UNAVAILABLE"), measured()), (1, 0, 1));

    let mut by_its_caller = Box::pin(hanging().await);
    assert!(by_its_caller.as_mut().now_or_never().is_none());
    tokio::time::advance(ALLOWED).await;
    drop(by_its_caller);
    assert_eq!((told("DEADLINE_EXCEEDED"), told("CANCELLED"), measured()), (2, 0, 2));

    let mut before_its_time = Box::pin(hanging().await);
    assert!(before_its_time.as_mut().now_or_never().is_none());
    drop(before_its_time);
    assert_eq!((told("DEADLINE_EXCEEDED"), told("CANCELLED"), measured()), (2, 1, 3));
}
