//! Replicas over real sockets: they share calls, are left when they stop serving and used again.
#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a broken stage stops its test where it broke, and servers run beside their callers"
)]

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use grpc_client::{PeerAddresses, Peers, Repeat, Resend, never_sent};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Server};
use tonic::{Code, Request, Response, Status};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_health::server::{HealthReporter, HealthService};

/// Enough for a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server whose `Check` is the call that tests make: it says who answered in a header.
struct Replica {
    address: SocketAddr,
    health: HealthReporter,
    entered: Arc<Semaphore>,
    go_on: Arc<Semaphore>,
    /// Its process, so to speak: dropping it cuts every connection.
    process: Option<Runtime>,
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.kill();
    }
}

struct Answering {
    name: String,
    statuses: HealthService,
    entered: Arc<Semaphore>,
    go_on: Arc<Semaphore>,
}

#[tonic::async_trait]
impl Health for Answering {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        if request.get_ref().service == "wait" {
            self.entered.add_permits(1);
            let _go_on = self.go_on.acquire().await;
        }
        let mut response = Response::new(HealthCheckResponse::default());
        response.metadata_mut().insert("name", self.name.parse().expect("ascii"));
        Ok(response)
    }

    type WatchStream = <HealthService as Health>::WatchStream;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        self.statuses.watch(request).await
    }
}

impl Replica {
    async fn start(address: SocketAddr) -> Self {
        Self::aged(address, Duration::from_secs(600)).await
    }

    /// A server that asks its clients to leave after this long.
    async fn aged(address: SocketAddr, age: Duration) -> Self {
        let listener = std::net::TcpListener::bind(address).expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("bound");
        let health = HealthReporter::new();
        health.set_service_status("readiness", tonic_health::ServingStatus::Serving).await;
        let (entered, go_on) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let service = HealthServer::new(Answering {
            name: address.to_string(),
            statuses: HealthService::from_health_reporter(health.clone()),
            entered: Arc::clone(&entered),
            go_on: Arc::clone(&go_on),
        });
        let process = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let process = process.expect("a runtime");
        process.spawn(async move {
            let listener = TcpListener::from_std(listener).expect("a socket");
            let server = Server::builder().max_connection_age(age).add_service(service);
            server.serve_with_incoming(TcpListenerStream::new(listener)).await.expect("serves");
        });
        Self { address, health, entered, go_on, process: Some(process) }
    }

    fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.shutdown_background();
        }
    }

    async fn serves(&self, serves: bool) {
        use tonic_health::ServingStatus::{NotServing, Serving};
        let status = if serves { Serving } else { NotServing };
        self.health.set_service_status("readiness", status).await;
    }
}

fn any_port(last: u8) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0))
}

/// A client whose peers are looked after until it is dropped.
struct Caller {
    channel: Channel,
    reached: watch::Receiver<bool>,
    stop: CancellationToken,
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Caller {
    fn of(addresses: &str) -> Self {
        let (peers, channel) = Peers::new(&addresses.parse::<PeerAddresses>().expect("addresses"));
        let (reached, stop) = (peers.reached(), CancellationToken::new());
        tokio::spawn(peers.run(stop.clone()));
        Self { channel, reached, stop }
    }

    fn to(replicas: &[&Replica]) -> Self {
        let addresses: Vec<_> = replicas.iter().map(|r| r.address.to_string()).collect();
        Self::of(&addresses.join(","))
    }

    async fn reached(&mut self, reached: bool) {
        let heard = self.reached.wait_for(|is| *is == reached);
        timeout(PATIENCE, heard).await.expect("in time").expect("looked after");
    }

    /// Who answered.
    async fn call(&self) -> Result<String, Status> {
        call(self.channel.clone(), "").await
    }

    /// Calls until the answers come from exactly these.
    async fn until_answered_by(&self, replicas: &[&Replica]) {
        let wanted: BTreeSet<_> = replicas.iter().map(|r| r.address.to_string()).collect();
        let since = Instant::now();
        loop {
            let mut answered = BTreeSet::new();
            for _ in 0..20 {
                answered.insert(self.call().await.unwrap_or_else(|status| status.to_string()));
            }
            if answered == wanted {
                return;
            }
            assert!(since.elapsed() < PATIENCE, "{answered:?}");
        }
    }
}

async fn call(channel: Channel, service: &str) -> Result<String, Status> {
    let resend = Resend::new();
    resend
        .call(PATIENCE, Repeat::Never, |left| {
            let mut client = HealthClient::new(channel.clone());
            let mut request = Request::new(HealthCheckRequest { service: service.to_owned() });
            request.set_timeout(left);
            async move {
                let answer = client.check(request).await?;
                Ok(answer
                    .metadata()
                    .get("name")
                    .expect("named")
                    .to_str()
                    .expect("ascii")
                    .to_owned())
            }
        })
        .await
}

#[tokio::test]
async fn n04_replicas_share_the_calls_and_one_that_stops_serving_is_left() {
    let (first, second) = (Replica::start(any_port(1)).await, Replica::start(any_port(1)).await);
    let caller = Caller::to(&[&first, &second]);
    caller.until_answered_by(&[&first, &second]).await;
    second.serves(false).await;
    caller.until_answered_by(&[&first]).await;
    second.serves(true).await;
    caller.until_answered_by(&[&first, &second]).await;
}

#[tokio::test]
async fn a_running_call_ends_well_at_a_replica_that_is_left() {
    let (first, second) = (Replica::start(any_port(1)).await, Replica::start(any_port(1)).await);
    first.serves(false).await;
    let caller = Caller::to(&[&first, &second]);
    caller.until_answered_by(&[&second]).await;
    let running = tokio::spawn(call(caller.channel.clone(), "wait"));
    let _entered = second.entered.acquire().await.expect("open");
    first.serves(true).await;
    second.serves(false).await;
    caller.until_answered_by(&[&first]).await;
    second.go_on.add_permits(1);
    assert_eq!(running.await.expect("whole").expect("answers"), second.address.to_string());
}

#[tokio::test]
async fn a_killed_replica_is_left_at_once_and_used_again_when_it_is_back() {
    let first = Replica::start(any_port(1)).await;
    let mut second = Replica::start(any_port(1)).await;
    let caller = Caller::to(&[&first, &second]);
    caller.until_answered_by(&[&first, &second]).await;
    second.kill();
    caller.until_answered_by(&[&first]).await;
    let back = Replica::start(second.address).await;
    caller.until_answered_by(&[&first, &back]).await;
}

#[tokio::test]
async fn calls_wait_for_an_only_replica_that_restarts_and_fail_when_it_does_not_come() {
    let only = Replica::start(any_port(1)).await;
    let mut caller = Caller::to(&[&only]);
    caller.reached(true).await;
    only.serves(false).await;
    caller.reached(false).await;
    let waiting = tokio::spawn(call(caller.channel.clone(), ""));
    only.serves(true).await;
    assert_eq!(waiting.await.expect("whole").expect("waited"), only.address.to_string());

    caller.reached(true).await;
    only.serves(false).await;
    caller.reached(false).await;
    let since = Instant::now();
    let failed = caller.call().await.expect_err("nobody serves");
    assert!(never_sent(&failed), "{failed:?}");
    assert_eq!(failed.code(), Code::Unavailable);
    assert!(since.elapsed() < Duration::from_secs(10), "it did not wait for its deadline");
    only.serves(true).await;
    caller.reached(true).await;
    caller.until_answered_by(&[&only]).await;
}

#[tokio::test]
async fn f4_a_connections_age_without_grace_loses_no_call() {
    let aged = Replica::aged(any_port(1), Duration::from_millis(200)).await;
    let caller = Caller::to(&[&aged]);
    caller.until_answered_by(&[&aged]).await;
    let running: Vec<_> =
        (0..32).map(|_| tokio::spawn(call(caller.channel.clone(), "wait"))).collect();
    let _entered = aged.entered.acquire_many(32).await.expect("open");
    // New calls go over further connections while the age of the first is long over.
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(1) {
        assert!(caller.call().await.is_ok());
    }
    aged.go_on.add_permits(32);
    for call in running {
        assert!(call.await.expect("whole").is_ok());
    }
}

#[tokio::test]
async fn a_name_stands_for_its_addresses_and_several_may_be_given() {
    let first = Replica::start(any_port(1)).await;
    let port = first.address.port();
    let second = Replica::start(SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), port))).await;
    let named = Caller::of(&format!("http://localhost:{port}"));
    named.until_answered_by(&[&first]).await;
    let both = Caller::of(&format!("http://localhost:{port},http://127.0.0.2:{port}"));
    both.until_answered_by(&[&first, &second]).await;
}
