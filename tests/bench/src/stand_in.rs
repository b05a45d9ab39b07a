//! Servers that stand in for ours where only what is around them is measured. Each is a process of its own: this
//! program, started again by itself.

use std::net::SocketAddr;
use std::process::ExitCode;

use axum::routing::get;
use boxoffice::http::HttpClient;
use clap::{Parser, ValueEnum};
use grpc_server::ListenerSettings;
use proto::boxoffice::notification::v1::notification_service_server::{
    NotificationService, NotificationServiceServer, SERVICE_NAME,
};
use proto::boxoffice::notification::v1::{
    ListNotificationsRequest, ListNotificationsResponse, Notification,
};
use runtime::{Process, Settings, StartError};
use servers::{Scratch, free_address};
use testkit::{binary, eventually};
use tls_certificates::Protocol;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// Where the letter is read over HTTP.
pub(crate) const INBOX_PATH: &str = "/v1/notifications";

/// What stands in. All answer with one letter of some 300 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StandIn {
    /// gRPC as tonic serves it, and nothing around it.
    Bare,
    /// The same in the shell that all our servers have.
    Full,
    /// JSON over HTTP, and nothing around it.
    Json,
}

/// One that runs. It is killed when dropped.
pub(crate) struct Standing {
    pub(crate) address: SocketAddr,
    folder: Scratch,
    child: Child,
}

impl Standing {
    /// Starts one and waits until it serves.
    pub(crate) async fn start(kind: StandIn) -> Self {
        let free = || free_address().unwrap_or_else(|error| panic!("{error}"));
        let (address, admin) = (free(), free());
        let folder = Scratch::fresh("stand-in").unwrap_or_else(|error| panic!("{error}"));
        let own = std::env::current_exe().unwrap_or_else(|error| panic!("{error}"));
        let name = kind.to_possible_value().map(|value| value.get_name().to_owned());
        let mut command = Command::new(own);
        command.args(["--results", "."]).arg("--stand-in").args(name).env_clear();
        command.env("DATA_DIR", folder.path()).env("LOG_LEVEL", "warn");
        command.env("GRPC_ADDR", address.to_string()).env("ADMIN_ADDR", admin.to_string());
        let child = command.kill_on_drop(true).spawn().unwrap_or_else(|error| panic!("{error}"));
        eventually("a stand-in", || async {
            if kind == StandIn::Full {
                let ready = HttpClient::new(format!("http://{admin}")).get("/ready").send().await;
                let ready = ready.map_err(|error| error.to_string())?.status;
                return if ready.is_success() { Ok(()) } else { Err(ready.to_string()) };
            }
            TcpStream::connect(address).await.map(drop).map_err(|error| error.to_string())
        })
        .await;
        Self { address, folder, child }
    }

    /// Its name among the processes that are watched, and its id.
    pub(crate) fn process(&self) -> Vec<(String, u32)> {
        self.child.id().map(|pid| ("server".to_owned(), pid)).into_iter().collect()
    }

    /// A buyer's token that its shell trusts; any will do for a bare one.
    pub(crate) async fn token(&self) -> String {
        let mut token = Command::new(binary("boxoffice"));
        token.args(["token", "--role", "buyer", "--sub", "buyer"]).env_clear();
        let told = token.env("DATA_DIR", self.folder.path()).output().await;
        let told = told.unwrap_or_else(|error| panic!("boxoffice token: {error}"));
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        String::from_utf8_lossy(&told.stdout).trim().to_owned()
    }
}

/// What a stand-in's process does, until it is killed.
pub(crate) async fn serve(kind: StandIn) -> ExitCode {
    let Line { settings } = Line::parse_from(["stand-in"]);
    let address = settings.grpc_addr;
    let ended = match kind {
        StandIn::Bare => bare(address).await,
        StandIn::Full => full(settings).await.map_err(|error| error.to_string()),
        StandIn::Json => json(address).await,
    };
    ended.unwrap_or_else(|error| panic!("{error}"))
}

/// Settings from the environment alone.
#[derive(Parser)]
struct Line {
    #[command(flatten)]
    settings: Settings,
}

async fn bare(address: SocketAddr) -> Result<ExitCode, String> {
    let incoming = TcpIncoming::bind(address).map_err(|error| error.to_string())?;
    let server = tonic::transport::Server::builder()
        .add_service(NotificationServiceServer::new(Inbox))
        .serve_with_incoming(incoming.with_nodelay(Some(true)));
    server.await.map(|()| ExitCode::SUCCESS).map_err(|error| error.to_string())
}

/// As `serve_context` of the runtime does it, without a database and a bus.
async fn full(settings: Settings) -> Result<ExitCode, StartError> {
    runtime::init_telemetry(&settings, "stand-in")?;
    let address = settings.grpc_addr;
    let mut process = Process::begin(settings).await?;
    let acceptor = process.certificates.acceptor(Protocol::Grpc);
    let listener = runtime::bind("GRPC_ADDR", address, ListenerSettings::grpc(), acceptor).await?;
    let routes = process.routes(&[SERVICE_NAME]).await?;
    let server = process.server(routes.add_service(NotificationServiceServer::new(Inbox)));
    process
        .outer_door("grpc", move |stopping| async move { server.serve(listener, stopping).await });
    process.run().await
}

async fn json(address: SocketAddr) -> Result<ExitCode, String> {
    let letter = letter();
    let body = serde_json::json!({"notifications": [{
        "notificationId": letter.notification_id, "eventType": letter.event_type,
        "bookingId": letter.booking_id, "subject": letter.subject, "body": letter.body,
    }], "nextPageToken": ""});
    let answer = move || std::future::ready(axum::Json(body.clone()));
    let router = axum::Router::new().route(INBOX_PATH, get(answer));
    let listener = TcpListener::bind(address).await.map_err(|error| error.to_string())?;
    axum::serve(listener, router)
        .await
        .map(|()| ExitCode::SUCCESS)
        .map_err(|error| error.to_string())
}

/// Always the same letter.
#[derive(Clone, Copy)]
struct Inbox;

#[tonic::async_trait]
impl NotificationService for Inbox {
    async fn list_notifications(
        &self,
        _request: Request<ListNotificationsRequest>,
    ) -> Result<Response<ListNotificationsResponse>, Status> {
        let notifications = vec![letter()];
        Ok(Response::new(ListNotificationsResponse { notifications, ..Default::default() }))
    }
}

fn letter() -> Notification {
    Notification {
        notification_id: "00000000-0000-7000-8000-000000000001".to_owned(),
        event_type: "boxoffice.booking.v1.BookingConfirmed".to_owned(),
        booking_id: "00000000-0000-7000-8000-000000000002".to_owned(),
        subject: "Your booking is confirmed".to_owned(),
        body: "Your booking of 1 x Concert is confirmed and paid. ".repeat(3),
        ..Notification::default()
    }
}
