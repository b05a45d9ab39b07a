//! A server with one service that does what its request's page token says.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;

use grpc_server::limits::DECODE_BYTES_MAX;
use grpc_server::{
    Drained, Health, Listener, ListenerSettings, Server, ServerSettings, Tasks, Verifier,
    caller_of, pass_on_request_id, time_left, time_left_here,
};
use proto::boxoffice::ticket::v1::ticket_service_client::TicketServiceClient;
use proto::boxoffice::ticket::v1::{SearchTicketsRequest, SearchTicketsResponse};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::Service;

use crate::issuer::{Key, verifier};

/// An rpc of the contract that anyone may call.
pub(crate) const SERVICE: &str = "boxoffice.ticket.v1.TicketService";
pub(crate) const METHOD: &str = "/boxoffice.ticket.v1.TicketService/SearchTickets";

/// What handlers report to a test, and what they wait for.
#[derive(Default)]
pub(crate) struct Cues {
    pub(crate) entered: Notify,
    pub(crate) finished: Notify,
    pub(crate) go_on: Notify,
}

#[derive(Clone)]
struct Player {
    tasks: Tasks,
    cues: Arc<Cues>,
}

/// A running server.
pub(crate) struct Stage {
    pub(crate) address: SocketAddr,
    pub(crate) server: Server,
    pub(crate) tasks: Tasks,
    pub(crate) health: Health,
    pub(crate) cues: Arc<Cues>,
    pub(crate) stopping: CancellationToken,
    pub(crate) running: JoinHandle<Drained>,
    pub(crate) key: Key,
}

/// Lets calls in until this many run, and drains for that long.
pub(crate) async fn open(in_flight_max: usize, drain: Duration) -> Stage {
    let settings = ListenerSettings {
        first_bytes_deadline: Duration::from_secs(60),
        ..ListenerSettings::grpc()
    };
    open_with(in_flight_max, drain, settings).await
}

pub(crate) async fn open_with(
    in_flight_max: usize,
    drain: Duration,
    door: ListenerSettings,
) -> Stage {
    let key = Key::ed25519("k", 1);
    let verifier = verifier(&[&key]);
    open_trusting(in_flight_max, drain, door, verifier, key).await
}

/// A stage whose shell has this verifier; the key is for whoever signs tokens for it.
pub(crate) async fn open_trusting(
    in_flight_max: usize,
    drain: Duration,
    door: ListenerSettings,
    verifier: Verifier,
    key: Key,
) -> Stage {
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = Listener::bind(any_port, door).await.expect("a free port");
    let (address, stopping) = (listener.address(), CancellationToken::new());
    let (tasks, cues) = (Tasks::new(), Arc::new(Cues::default()));
    let health = Health::new(&[SERVICE]).await;
    let player = Player { tasks: tasks.clone(), cues: Arc::clone(&cues) };
    let routes = health.routes(stopping.clone()).expect("descriptors").add_service(player);
    let settings = ServerSettings { in_flight_max, subject_rate: None, drain };
    let server = Server::new(routes, verifier, settings);
    let running = tokio::task::spawn({
        let (server, stopping) = (server.clone(), stopping.clone());
        async move { server.serve(listener, stopping).await.expect("serves") }
    });
    Stage { address, server, tasks, health, cues, stopping, running, key }
}

impl Stage {
    pub(crate) async fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).expect("a URL");
        endpoint.connect().await.expect("connects")
    }

    /// Calls over a connection of its own.
    pub(crate) async fn call(&self, play: &str) -> Result<String, Status> {
        perform(self.channel().await, request(play)).await
    }

    pub(crate) async fn stop(self) -> Drained {
        self.stopping.cancel();
        self.running.await.expect("does not panic")
    }
}

pub(crate) fn request(play: &str) -> Request<SearchTicketsRequest> {
    let page_token = play.to_owned();
    Request::new(SearchTicketsRequest { page_token, ..SearchTicketsRequest::default() })
}

pub(crate) fn with_header(
    mut request: Request<SearchTicketsRequest>,
    value: &str,
) -> Request<SearchTicketsRequest> {
    let value = value.parse().expect("a header value");
    request.metadata_mut().append("authorization", value);
    request
}

pub(crate) async fn perform(
    channel: Channel,
    request: Request<SearchTicketsRequest>,
) -> Result<String, Status> {
    let mut client = TicketServiceClient::new(channel);
    Ok(client.search_tickets(request).await?.into_inner().next_page_token)
}

impl NamedService for Player {
    const NAME: &'static str = SERVICE;
}

impl Service<http::Request<Body>> for Player {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let player = self.clone();
        let grpc = Grpc::new(ProstCodec::default());
        let mut grpc = grpc.max_decoding_message_size(DECODE_BYTES_MAX);
        Box::pin(async move { Ok(grpc.unary(player, request).await) })
    }
}

impl UnaryService<SearchTicketsRequest> for Player {
    type Response = SearchTicketsResponse;
    type Future = BoxFuture<'static, Result<Response<SearchTicketsResponse>, Status>>;

    fn call(&mut self, request: Request<SearchTicketsRequest>) -> Self::Future {
        let player = self.clone();
        Box::pin(async move { player.play(request).await })
    }
}

impl Player {
    async fn play(
        &self,
        request: Request<SearchTicketsRequest>,
    ) -> Result<Response<SearchTicketsResponse>, Status> {
        let who = caller_of(&request);
        let said = match request.get_ref().page_token.as_str() {
            "who" => who.subject.unwrap_or_else(|| "nobody".to_owned()),
            "time" => format!("{:?}", time_left(&request).is_some_and(|left| !left.is_zero())),
            "left" => {
                let left = async { Ok(time_left_here().map_or(0, |left| left.as_millis())) };
                self.tasks.finish(left).await?.to_string()
            }
            "request id" => {
                let passed_on = async {
                    let mut call = Request::new(());
                    pass_on_request_id(&mut call);
                    let id = call.metadata().get("x-request-id");
                    Ok(id.map(|id| id.to_str().expect("ascii").to_owned()).unwrap_or_default())
                };
                self.tasks.finish(passed_on).await?
            }
            "panic" => panic!("a secret of the house"),
            "hang" => std::future::pending().await,
            "wait" => self.wait().await,
            "task" => {
                let player = self.clone();
                self.tasks.finish(async move { Ok(player.wait().await) }).await?
            }
            other => other.to_owned(),
        };
        let response = SearchTicketsResponse { next_page_token: said, ..Default::default() };
        Ok(Response::new(response))
    }

    async fn wait(&self) -> String {
        self.cues.entered.notify_one();
        self.cues.go_on.notified().await;
        self.cues.finished.notify_one();
        "waited".to_owned()
    }
}
