//! What is told of calls: nothing that clients make up, and everything that came to nothing.

use std::time::Duration;

use bytes::Bytes;
use http::Request as HttpRequest;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use telemetry_metrics::{Format, render};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::stage;

const DRAIN: Duration = Duration::from_secs(5);
/// Enough for a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(20);

/// The series of this metric, and how much they say.
fn series(metric: &str) -> Vec<(String, u64)> {
    let text = render(Format::Prometheus);
    let lines = text.lines().filter_map(|line| line.strip_prefix(metric)?.rsplit_once(' '));
    lines.map(|(labels, count)| (labels.to_owned(), count.parse().expect("a number"))).collect()
}

fn other(status: &str) -> String {
    format!(r#"{{service="other",method="other",status="{status}"}}"#)
}

#[tokio::test]
async fn r47_m01_names_that_clients_make_up_leave_one_series_of_each_status() {
    let stage = stage::open(10, DRAIN).await;
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    for number in 0..100 {
        for (header, value) in
            [("x-none", ""), ("authorization", "Bearer made-up"), ("grpc-timeout", "1n")]
        {
            let path = format!("http://{}/made-up-{number}/made-up", stage.address);
            let mut request = HttpRequest::post(path).header(header, value);
            if header != "x-none" {
                request = request.header("content-type", "application/grpc");
            }
            let request = request.body(Full::<Bytes>::default()).expect("a request");
            let answer = client.request(request).await.expect("an answer");
            answer.into_body().collect().await.expect("a body");
        }
    }
    let told = series("grpc_requests_total");
    for (labels, _) in &told {
        assert!(!labels.contains("made-up"), "{labels}");
    }
    let others = || told.iter().filter(|(labels, _)| labels.contains("other"));
    assert!(others().count() <= 4, "{told:?}");
    assert_eq!(others().map(|(_, count)| count).sum::<u64>(), 300);
    for status in ["UNKNOWN", "UNAUTHENTICATED"] {
        assert!(told.contains(&(other(status), 100)), "{status}: {told:?}");
    }
    assert_eq!(
        series("grpc_request_duration_seconds_count")
            .iter()
            .filter(|(labels, _)| labels.contains("other"))
            .count(),
        1
    );
}

#[tokio::test]
async fn m03_a_call_whose_client_leaves_before_the_answer_is_cancelled() {
    let cancelled = || {
        let labels = r#"{service="boxoffice.ticket.v1.TicketService",method="SearchTickets",status="CANCELLED"}"#;
        series("grpc_requests_total").into_iter().find(|(told, _)| told == labels)
    };
    let stage = stage::open(10, DRAIN).await;
    let before = cancelled().map_or(0, |(_, count)| count);
    let mut call = Box::pin(stage.call("wait"));
    tokio::select! {
        _ = &mut call => panic!("it waits"),
        () = stage.cues.entered.notified() => drop(call),
    }
    let told = async {
        while cancelled().is_none_or(|(_, count)| count == before) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, told).await.expect("it is told of");
}

#[tokio::test]
async fn health_has_its_own_name() {
    let stage = stage::open(10, DRAIN).await;
    let mut health = HealthClient::new(stage.channel().await);
    health.check(HealthCheckRequest::default()).await.expect("answers");
    let labels = r#"{service="grpc.health.v1.Health",method="Check",status="OK"}"#;
    assert!(series("grpc_requests_total").iter().any(|(told, _)| told == labels));
}
