//! The door: takes gRPC and gRPC-Web, leaves everything else to whoever stands beside it, and tells operators of each
//! call.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use grpc_client::{REQUEST_ID, method_name, name_request, too_late};
use grpc_server::{InFlight, Room, begin_telling};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use telemetry_metrics::names::HTTP_REQUESTS;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::body::Body;
use tonic::service::Routes;
use tonic::transport::Channel;
use tonic_web::{GrpcWebLayer, GrpcWebService};
use tower::{Layer, Service};
use tracing::Instrument;

use crate::backend::Backend;
use crate::contract::{PublicContract, Rpc};
use crate::media::Media;
use crate::pass::{Ended, is_of_the_door};
use crate::passing::Passing;
use crate::web_text::Decoded;

/// The text form of gRPC-Web, and the form that it is turned into here.
const TEXT: &str = "application/grpc-web-text";
const BINARY: HeaderValue = HeaderValue::from_static("application/grpc-web+proto");

/// Whose calls the door counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// All of them: their servers are other processes, which count for themselves.
    All,
    /// Those that it answers itself: their servers are in this process, and count the others.
    ItsOwn,
}

/// What the door grants, and how it is told to end.
pub struct DoorSettings {
    /// The most calls at once.
    pub in_flight_max: usize,
    /// The most streams beside them.
    pub streams_max: usize,
    /// What it counts.
    pub counts: Counts,
    /// Cancelled when the server is to end: it ends streams.
    pub stopping: CancellationToken,
    /// How a request that brings no `x-request-id` gets one.
    pub new_request_id: Box<dyn Fn() -> String + Send + Sync>,
}

/// gRPC and gRPC-Web at the gateway's port. Clones share their room.
#[derive(Clone)]
pub struct Door {
    inside: Arc<Inside>,
    web: GrpcWebService<Passer>,
}

/// What all calls share.
pub(crate) struct Inside {
    rpcs: BTreeMap<String, Rpc>,
    backends: BTreeMap<String, Backend>,
    /// Health and reflection.
    pub(crate) local: Routes,
    pub(crate) in_flight: InFlight,
    pub(crate) streams: Room,
    counts: Counts,
    pub(crate) stopping: CancellationToken,
    new_request_id: Box<dyn Fn() -> String + Send + Sync>,
}

/// Passes calls of gRPC.
#[derive(Clone)]
struct Passer(Arc<Inside>);

impl Door {
    /// `backends` gives the channel to a service by its full name; `local` answers health and reflection.
    #[must_use]
    pub fn new(
        contract: &PublicContract,
        backends: impl Fn(&str) -> Option<Channel>,
        local: Routes,
        settings: DoorSettings,
    ) -> Self {
        let services = contract.services().iter();
        let backend = |name: &String| Some((name.clone(), Backend::new(backends(name)?)));
        let inside = Arc::new(Inside {
            rpcs: contract.rpcs.clone(),
            backends: services.filter_map(backend).collect(),
            local: local.prepare(),
            in_flight: InFlight::new(settings.in_flight_max),
            streams: Room::new(settings.streams_max),
            counts: settings.counts,
            stopping: settings.stopping,
            new_request_id: settings.new_request_id,
        });
        let web = GrpcWebLayer::new().layer(Passer(Arc::clone(&inside)));
        Self { inside, web }
    }

    /// Whether a request is for this door: it says that it is gRPC, or its path is that of an rpc. Preflights of
    /// browsers are not.
    #[must_use]
    pub fn takes<B>(&self, request: &Request<B>) -> bool {
        let path = request.uri().path();
        let an_rpc = || self.inside.rpcs.contains_key(path) || is_of_the_door(path);
        let preflight = request.method() == Method::OPTIONS;
        !preflight && (Media::of(request) != Media::Other || an_rpc())
    }

    /// Answers a request that it takes.
    pub async fn answer(self, mut request: Request<Body>) -> Response<Body> {
        let answered = match Media::of(&request) {
            Media::Grpc if request.version() == Version::HTTP_2 => {
                Passer(self.inside).call(request).await
            }
            Media::Grpc => Ok(bare(request.method(), StatusCode::HTTP_VERSION_NOT_SUPPORTED)),
            Media::Web(kind) => {
                request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
                answer_in_kind(request.headers_mut(), kind);
                if kind.starts_with(TEXT) {
                    request.headers_mut().insert(CONTENT_TYPE, BINARY);
                    request = request.map(|text| Body::new(Decoded::new(text)));
                }
                let mut web = self.web;
                web.call(request).await
            }
            Media::Unsupported | Media::Other => {
                Ok(bare(request.method(), StatusCode::UNSUPPORTED_MEDIA_TYPE))
            }
        };
        let Ok(response) = answered;
        response
    }
}

/// Whoever does not say which encoding it takes, takes the one that it speaks.
fn answer_in_kind(headers: &mut HeaderMap, kind: &'static str) {
    let says = headers.get(ACCEPT).map(HeaderValue::as_bytes).unwrap_or_default();
    if !says.starts_with(b"application/grpc-web") {
        headers.insert(ACCEPT, HeaderValue::from_static(kind));
    }
}

/// What is no gRPC gets no status of gRPC, and counts as what REST has no route for.
fn bare(method: &Method, code: StatusCode) -> Response<Body> {
    HTTP_REQUESTS.add([
        method_name(method).to_owned(),
        "other".to_owned(),
        code.as_str().to_owned(),
    ]);
    let mut response = Response::new(Body::empty());
    *response.status_mut() = code;
    response
}

impl Inside {
    pub(crate) fn find(&self, path: &str) -> Option<(&Rpc, &Backend)> {
        let rpc = self.rpcs.get(path)?;
        Some((rpc, self.backends.get(&rpc.service)?))
    }
}

impl Service<Request<Body>> for Passer {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let (inside, arrived) = (Arc::clone(&self.0), Instant::now());
        let made = || HeaderValue::try_from((inside.new_request_id)()).ok();
        let id = name_request(request.headers_mut(), made);
        Box::pin(async move {
            let mut response = inside.tell_of(request, arrived).await;
            response.headers_mut().extend(id.map(|id| (REQUEST_ID, id)));
            Ok(response)
        })
    }
}

impl Inside {
    async fn tell_of(&self, request: Request<Body>, arrived: Instant) -> Response<Body> {
        let sent = Arc::new(AtomicBool::new(false));
        let (counts, by_server) = (self.counts, Arc::clone(&sent));
        let (span, ending) = begin_telling(&request, move || {
            counts == Counts::All || !by_server.load(Ordering::Relaxed)
        });
        let path = request.uri().path().to_owned();
        let passed = self.pass(request, arrived, || sent.store(true, Ordering::Relaxed));
        match passed.instrument(span).await {
            Ok((response, lasting)) if Status::from_header_map(response.headers()).is_none() => {
                ending.with(response).map(|body| Body::new(Passing::new(&path, body, lasting)))
            }
            Ok((response, _)) => ending.with(response),
            Err(Ended::With(status)) => {
                ending.told(&status);
                status.into_http()
            }
            Err(Ended::Left) => {
                drop(ending);
                too_late().into_http()
            }
        }
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("rpcs", &self.inside.rpcs.len()).finish_non_exhaustive()
    }
}
