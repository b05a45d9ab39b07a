//! Health and reflection.

use std::time::Duration;

use grpc_server::Drained;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

use crate::stage::{self, SERVICE, Stage};

const DRAIN: Duration = Duration::from_secs(60);

async fn check(stage: &Stage, service: &str) -> ServingStatus {
    let mut client = HealthClient::new(stage.channel().await);
    let asked = HealthCheckRequest { service: service.to_owned() };
    client.check(asked).await.expect("known").into_inner().status()
}

#[tokio::test]
async fn everything_starts_not_serving_but_is_alive() {
    let stage = stage::open(1, DRAIN).await;
    for service in ["", SERVICE, "readiness"] {
        assert_eq!(check(&stage, service).await, ServingStatus::NotServing, "{service}");
    }
    assert_eq!(check(&stage, "liveness").await, ServingStatus::Serving);
    stage.health.set_serving(true).await;
    for service in ["", SERVICE, "readiness", "liveness"] {
        assert_eq!(check(&stage, service).await, ServingStatus::Serving, "{service}");
    }
    stage.health.set_service(SERVICE, false).await;
    assert_eq!(check(&stage, SERVICE).await, ServingStatus::NotServing);
    let mut client = HealthClient::new(stage.channel().await);
    let asked = HealthCheckRequest { service: "unknown".to_owned() };
    assert_eq!(client.check(asked).await.expect_err("unknown").code(), Code::NotFound);
}

#[tokio::test]
async fn health_needs_neither_a_token_nor_a_place() {
    let stage = stage::open(0, DRAIN).await;
    assert_eq!(stage.call("who").await.expect_err("no place").code(), Code::ResourceExhausted);
    let mut client = HealthClient::new(stage.channel().await);
    let mut asked = Request::new(HealthCheckRequest::default());
    asked.metadata_mut().insert("authorization", "Bearer x".parse().expect("a header"));
    assert!(client.check(asked).await.is_ok());
}

#[tokio::test]
async fn f3_an_open_watch_hears_of_changes_and_is_let_go_at_the_end() {
    let stage = stage::open(1, DRAIN).await;
    let mut client = HealthClient::new(stage.channel().await);
    let watched = client.watch(HealthCheckRequest::default()).await.expect("known");
    let mut changes = watched.into_inner();
    let first = changes.message().await.expect("open").expect("a status");
    assert_eq!(first.status(), ServingStatus::NotServing);
    stage.health.set_serving(true).await;
    let second = changes.message().await.expect("open").expect("a status");
    assert_eq!(second.status(), ServingStatus::Serving);
    assert_eq!(stage.stop().await, Drained::Cleanly);
    assert_eq!(changes.message().await.expect("ended in order"), None);
}

#[tokio::test]
async fn reflection_names_the_services_of_this_server_and_no_others() {
    let stage = stage::open(1, DRAIN).await;
    let mut client = ServerReflectionClient::new(stage.channel().await);
    let question = |message_request| {
        tokio_stream::once(ServerReflectionRequest {
            host: String::new(),
            message_request: Some(message_request),
        })
    };
    let list = question(MessageRequest::ListServices(String::new()));
    let answers = client.server_reflection_info(list).await.expect("open to all");
    let names = names(answers.into_inner().message().await.expect("answers").expect("one"));
    for name in [SERVICE, "grpc.health.v1.Health"] {
        assert!(names.iter().any(|found| found == name), "{name} in {names:?}");
    }
    assert!(!names.iter().any(|found| found.contains("Booking")), "{names:?}");
    let symbol = question(MessageRequest::FileContainingSymbol(SERVICE.to_owned()));
    let answers = client.server_reflection_info(symbol).await.expect("open to all");
    let answer = answers.into_inner().message().await.expect("answers").expect("one");
    assert!(matches!(
        answer.message_response,
        Some(MessageResponse::FileDescriptorResponse(files)) if !files.file_descriptor_proto.is_empty()
    ));
}

fn names(answer: ServerReflectionResponse) -> Vec<String> {
    match answer.message_response {
        Some(MessageResponse::ListServicesResponse(list)) => {
            list.service.into_iter().map(|service| service.name).collect()
        }
        _ => Vec::new(),
    }
}
