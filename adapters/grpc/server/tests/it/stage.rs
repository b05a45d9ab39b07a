//! A server with one service that does what its request's page token says.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use grpc_server::limits::DECODE_BYTES_MAX;
use grpc_server::{
    Drained, Health, Listener, ListenerSettings, Server, ServerSettings, Tasks, Verifier,
    caller_of, pass_on_request_id, time_left, time_left_here,
};
use proto::boxoffice::notification::v1::notification_service_client::NotificationServiceClient;
use proto::boxoffice::notification::v1::notification_service_server::{
    NotificationService, NotificationServiceServer,
};
use proto::boxoffice::notification::v1::{ListNotificationsRequest, ListNotificationsResponse};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};

use crate::issuer::{Key, verifier};

pub(crate) const SERVICE: &str = "boxoffice.notification.v1.NotificationService";
pub(crate) const METHOD: &str = "/boxoffice.notification.v1.NotificationService/ListNotifications";

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
    let service =
        NotificationServiceServer::new(player).max_decoding_message_size(DECODE_BYTES_MAX);
    let routes = health.routes(stopping.clone()).expect("descriptors").add_service(service);
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

pub(crate) fn request(play: &str) -> Request<ListNotificationsRequest> {
    let page_token = play.to_owned();
    Request::new(ListNotificationsRequest { page_token, ..ListNotificationsRequest::default() })
}

pub(crate) fn with_header(
    mut request: Request<ListNotificationsRequest>,
    value: &str,
) -> Request<ListNotificationsRequest> {
    let value = value.parse().expect("a header value");
    request.metadata_mut().append("authorization", value);
    request
}

pub(crate) async fn perform(
    channel: Channel,
    request: Request<ListNotificationsRequest>,
) -> Result<String, Status> {
    let mut client = NotificationServiceClient::new(channel);
    Ok(client.list_notifications(request).await?.into_inner().next_page_token)
}

#[tonic::async_trait]
impl NotificationService for Player {
    async fn list_notifications(
        &self,
        request: Request<ListNotificationsRequest>,
    ) -> Result<Response<ListNotificationsResponse>, Status> {
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
        let response = ListNotificationsResponse { next_page_token: said, ..Default::default() };
        Ok(Response::new(response))
    }
}

impl Player {
    async fn wait(&self) -> String {
        self.cues.entered.notify_one();
        self.cues.go_on.notified().await;
        self.cues.finished.notify_one();
        "waited".to_owned()
    }
}
