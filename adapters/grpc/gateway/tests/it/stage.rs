//! A door, and behind it a server over TCP that answers as a test says and tells what it got.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use grpc_gateway::{Counts, Door, DoorSettings, PublicContract};
use grpc_server::Health;
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::body::Body;
use tonic::transport::{Channel, Endpoint, Server};

pub(crate) const SEARCH: &str = "/boxoffice.ticket.v1.TicketService/SearchTickets";
pub(crate) const WATCH: &str = "/boxoffice.ticket.v1.TicketService/WatchAvailability";
pub(crate) const BOOK: &str = "/boxoffice.booking.v1.BookingService/CreateBooking";

/// What reached the server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum News {
    Came,
    /// The client gave up before the answer, or before its end.
    GaveUp,
}

/// Tells that a call was given up, unless it is let go.
pub(crate) struct Guard(mpsc::UnboundedSender<News>, bool);

impl Guard {
    pub(crate) fn let_go(mut self) {
        self.1 = true;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.1 {
            // The test may be over.
            let _ = self.0.send(News::GaveUp);
        }
    }
}

type Answering = BoxFuture<'static, Response<Body>>;
type Answer = Arc<dyn Fn(Request<Body>, Guard) -> Answering + Send + Sync>;

pub(crate) struct Stage {
    pub(crate) door: Door,
    pub(crate) stopping: CancellationToken,
    pub(crate) news: mpsc::UnboundedReceiver<News>,
}

impl Stage {
    /// A door with room for so many, over a server that answers like this.
    pub(crate) async fn with<A, F>(in_flight_max: usize, answer: A) -> Self
    where
        A: Fn(Request<Body>, Guard) -> F + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let (tell, news) = mpsc::unbounded_channel();
        let answer: Answer = Arc::new(move |request, guard| Box::pin(answer(request, guard)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = tower::service_fn(move |request| {
            tell.send(News::Came).unwrap();
            let answering = answer(request, Guard(tell.clone(), false));
            async move { Ok::<_, Infallible>(answering.await) }
        });
        let incoming = TcpListenerStream::new(listener);
        tokio::spawn(Server::builder().serve_with_incoming(service, incoming));
        let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy();
        let (door, stopping) = door(in_flight_max, &channel).await;
        Self { door, stopping, news }
    }

    /// The whole answer to a call: its head, its bytes, and the status that it ended with.
    pub(crate) async fn call(&self, request: Request<Body>) -> (HeaderMap, Bytes, Status) {
        let (parts, body) = self.door.clone().answer(request).await.into_parts();
        let collected = body.collect().await.unwrap();
        let trailers = collected.trailers().cloned();
        let status = trailers.as_ref().and_then(Status::from_header_map);
        let status = status.or_else(|| Status::from_header_map(&parts.headers));
        (parts.headers, collected.to_bytes(), status.expect("ends with a status"))
    }
}

/// A door with room for so many over these servers.
pub(crate) async fn door(in_flight_max: usize, channel: &Channel) -> (Door, CancellationToken) {
    let contract = PublicContract::read(proto::FILE_DESCRIPTOR_SET).unwrap();
    let stopping = CancellationToken::new();
    let health = Health::new(&[]).await;
    health.set_serving(true).await;
    let local = health
        .public_routes(contract.services(), contract.descriptors(), stopping.clone())
        .unwrap();
    let settings = DoorSettings {
        in_flight_max,
        counts: Counts::All,
        stopping: stopping.clone(),
        new_request_id: Box::new(|| "made".to_owned()),
    };
    (Door::new(&contract, |_| Some(channel.clone()), local, settings), stopping)
}

/// A call of this rpc with one message of these bytes.
pub(crate) fn request(path: &str, message: &[u8]) -> Request<Body> {
    let body = http_body_util::Full::new(framed(message));
    let request = Request::post(path).version(http::Version::HTTP_2);
    request.header("content-type", "application/grpc").body(Body::new(body)).unwrap()
}

/// A message as it stands in a body.
pub(crate) fn framed(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], &length[..], message].concat().into()
}

/// An answer of one message and trailers.
pub(crate) fn answer(message: &[u8], trailers: HeaderMap) -> Response<Body> {
    let body = http_body_util::Full::new(framed(message));
    let body = body.with_trailers(async move { Some(Ok(trailers)) });
    let response = Response::builder().header("content-type", "application/grpc");
    response.body(Body::new(body)).unwrap()
}

/// An answer of one message, well ended.
pub(crate) fn ok(message: &[u8]) -> Response<Body> {
    let mut trailers = HeaderMap::new();
    Status::ok("").add_header(&mut trailers).unwrap();
    answer(message, trailers)
}
