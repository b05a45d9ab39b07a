//! The admin port.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{Envelope, PublishError, Publisher};
use runtime::{Bus, Context, Platform, Process, open_database};
use telemetry_metrics::names::DEAD_LETTERS;
use tonic::service::Routes;

use crate::stage::{http, settings};

#[tokio::test]
async fn live_answers_exactly_what_the_contract_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let process = Process::begin(settings(folder.path(), &[])).await.expect("begins");
    let answer = http(process.admin_address, "GET /live").await;
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert!(head.contains("content-type: text/plain; version=0.0.4\r\n"), "{head}");
    let lines =
        "# HELP service_live Service liveness signal\n# TYPE service_live gauge\nservice_live 1\n";
    assert_eq!(body, lines);
}

#[tokio::test]
async fn ready_names_what_is_missing() {
    let folder = tempfile::tempdir().expect("a folder");
    let process = Process::begin(settings(folder.path(), &[])).await.expect("begins");
    let database = process.readiness.part("database");
    let answer = http(process.admin_address, "GET /ready").await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    let parts = r#"{"dependencies":{"database":false,"doors":false},"ready":false}"#;
    assert!(answer.ends_with(parts), "{answer}");
    database.set(true);
    let answer = http(process.admin_address, "GET /ready").await;
    assert!(answer.contains(r#""database":true"#), "{answer}");
}

#[tokio::test]
async fn metrics_show_gauges_as_they_are_now() {
    let folder = tempfile::tempdir().expect("a folder");
    let process = Process::begin(settings(folder.path(), &[])).await.expect("begins");
    telemetry_metrics::before_reading(|| {
        DEAD_LETTERS.set(["answers"], 42.0);
        true
    });
    let answer = http(process.admin_address, "GET /metrics").await;
    for line in ["service_ready 0", "build_info{", "dead_letters{database=\"answers\"} 42.0"] {
        assert!(answer.contains(line), "{line} in {answer}");
    }
}

struct Nobody;

#[async_trait]
impl Publisher for Nobody {
    async fn publish(&self, _: &Envelope) -> Result<(), PublishError> {
        Ok(())
    }

    async fn publish_again(&self, _: &Envelope) -> Result<(), PublishError> {
        Ok(())
    }
}

#[tokio::test]
async fn m02_what_a_hosted_context_counts_is_there_before_the_first_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut process = Process::begin(settings(folder.path(), &[])).await.expect("begins");
    let database = open_database(&process.settings, "booking", Vec::new()).await.expect("opens");
    let context = Context {
        name: "booking",
        services: Vec::new(),
        add_services: Box::new(|routes| routes),
        handlers: Vec::new(),
        database,
        beside: None,
        hooks: None,
    };
    let platform = Platform::new(&process);
    let bus = Bus::within(Arc::new(Nobody));
    let _routes = platform.host(&mut process, context, &bus, Routes::default());
    let answer = http(process.admin_address, "GET /metrics").await;
    for line in [
        "\nbookings_total{outcome=\"rejected\"} 0\n",
        "\ndb_transactions_total{database=\"booking\",outcome=\"failed\"} 0\n",
    ] {
        assert!(answer.contains(line), "{line} in {answer}");
    }
}

#[tokio::test]
async fn other_paths_and_methods_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let process = Process::begin(settings(folder.path(), &[])).await.expect("begins");
    assert!(http(process.admin_address, "GET /").await.starts_with("HTTP/1.1 404"));
    assert!(http(process.admin_address, "POST /live").await.starts_with("HTTP/1.1 405"));
    assert!(http(process.admin_address, "HEAD /live").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_port_that_is_taken_is_one_line_that_names_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = Process::begin(settings(folder.path(), &[])).await.expect("begins");
    let address = first.admin_address.to_string();
    let second = Process::begin(settings(folder.path(), &["--admin-addr", &address])).await;
    let line = second.expect_err("taken").to_string();
    assert!(line.starts_with(&format!("ADMIN_ADDR: cannot listen on {address}")), "{line}");
}
