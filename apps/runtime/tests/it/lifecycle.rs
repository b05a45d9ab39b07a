//! The order in which a process stops.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use grpc_server::{Drained, ListenerSettings};
use runtime::{Process, bind};
use tls_certificates::Protocol;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::stage::{http, settings};

const SERVICE: &str = "boxoffice.notification.v1.NotificationService";

#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<&'static str>>>);

impl Diary {
    fn note(&self, what: &'static str) {
        self.0.lock().expect("no panics").push(what);
    }

    fn read(&self) -> Vec<&'static str> {
        self.0.lock().expect("no panics").clone()
    }
}

#[tokio::test]
async fn it_stops_from_the_outside_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut process = Process::begin(settings(folder.path(), &[])).await.expect("begins");
    let diary = Diary::default();
    let (open, opened) = oneshot::channel();
    let note = diary.clone();
    process.outer_door("outer", |stopping| async move {
        let _ = open.send(());
        stopping.cancelled().await;
        note.note("outer door");
        Ok::<_, String>(Drained::Cleanly)
    });
    let note = diary.clone();
    process.inner_door("inner", |stopping| async move {
        stopping.cancelled().await;
        note.note("inner door");
        Ok::<_, String>(Drained::Cleanly)
    });
    let note = diary.clone();
    process.workers.spawn("loop", move |stopping| {
        let note = note.clone();
        async move {
            stopping.cancelled().await;
            note.note("loop");
        }
    });
    let (note, outside_closed) = (diary.clone(), process.stopping());
    let tasks = process.tasks.clone();
    let body = tokio::spawn(async move {
        let body = async move {
            outside_closed.cancelled().await;
            note.note("handler body");
            Ok(())
        };
        tasks.finish(body).await
    });
    let note = diary.clone();
    process.close_at_end(async move { note.note("database") });
    let (stop, never) = (CancellationToken::new(), CancellationToken::new());
    let running = tokio::spawn(process.run_until(stop.clone(), never));
    opened.await.expect("opens");
    stop.cancel();
    assert_eq!(running.await.expect("ends"), ExitCode::SUCCESS);
    body.await.expect("ends").expect("answers");
    let order = diary.read();
    assert_eq!(order.first(), Some(&"loop"), "{order:?}");
    assert_eq!(order.get(3..), Some(&["inner door", "database"][..]), "{order:?}");
}

#[tokio::test]
async fn health_and_readiness_follow_the_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut process = Process::begin(settings(folder.path(), &[])).await.expect("begins");
    let database = process.readiness.part("database");
    let address = settings(folder.path(), &[]).grpc_addr;
    let acceptor = process.certificates.acceptor(Protocol::Grpc);
    let listener =
        bind("GRPC_ADDR", address, ListenerSettings::grpc(), acceptor).await.expect("a port");
    let (grpc, admin) = (listener.address(), process.admin_address);
    let routes = process.routes(&[SERVICE]).await.expect("descriptors");
    let server = process.server(routes);
    process.outer_door("grpc", |stopping| async move { server.serve(listener, stopping).await });
    let (stop, never) = (CancellationToken::new(), CancellationToken::new());
    let running = tokio::spawn(process.run_until(stop.clone(), never));

    let mut client = health_client(grpc).await;
    let asked = HealthCheckRequest { service: SERVICE.to_owned() };
    let mut watch = client.watch(asked).await.expect("known").into_inner();
    let first = watch.message().await.expect("open").expect("a status");
    assert_eq!(first.status(), ServingStatus::NotServing);
    assert!(http(admin, "GET /ready").await.starts_with("HTTP/1.1 503"));
    database.set(true);
    let second = watch.message().await.expect("open").expect("a status");
    assert_eq!(second.status(), ServingStatus::Serving);
    assert!(http(admin, "GET /ready").await.starts_with("HTTP/1.1 200"));
    assert!(http(admin, "GET /metrics").await.contains("grpc_calls_in_flight 0"));

    stop.cancel();
    assert_eq!(running.await.expect("ends"), ExitCode::SUCCESS);
}

#[tokio::test]
async fn a_door_that_closes_by_itself_ends_the_process_with_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut process = Process::begin(settings(folder.path(), &[])).await.expect("begins");
    process.outer_door("broken", |_| async { Err("broken") });
    let never = CancellationToken::new();
    assert_eq!(process.run_until(never.clone(), never.clone()).await, ExitCode::FAILURE);
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let process = Process::begin(settings(folder.path(), &[])).await.expect("begins");
    process.workers.spawn("deaf", |_| std::future::pending());
    let twice = CancellationToken::new();
    twice.cancel();
    assert_eq!(process.run_until(twice.clone(), twice).await, ExitCode::FAILURE);
}

async fn health_client(address: SocketAddr) -> HealthClient<tonic::transport::Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("a URL");
    HealthClient::new(endpoint.connect().await.expect("listens"))
}
