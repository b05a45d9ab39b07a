//! A small gRPC server that serves any descriptors, and a gateway in front of it.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor};
use rest_gateway::{DynamicCodec, Gateway};
use serde_json::Value as Json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic::codegen::Service;
use tonic::metadata::MetadataMap;
use tonic::server::Grpc;
use tonic::service::Routes;
use tonic::transport::{Channel, Endpoint, Server};
use tower::ServiceExt;

/// The service with every form of binding.
pub(crate) const PROBE: &str = "probe/v1/probe.proto";

/// The answer to a call: one message for a unary rpc, any number for a stream.
pub(crate) type Answer = Result<BoxStream<'static, Result<DynamicMessage, Status>>, Status>;
type Answering =
    Arc<dyn Fn(MethodDescriptor, tonic::Request<DynamicMessage>) -> Answer + Send + Sync>;

/// Compiles protos of the tests together with the house's own `google/`.
pub(crate) fn compile(files: &[&str]) -> Vec<u8> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [here.join("tests/proto"), here.join("../../../proto")];
    let mut compiler = protox::Compiler::new(folders).unwrap();
    compiler.include_imports(true).include_source_info(true).open_files(files).unwrap();
    compiler.encode_file_descriptor_set()
}

/// A gateway in front of a server, and what the server was sent.
pub(crate) struct Bench {
    pub(crate) router: Router,
    pub(crate) seen: Arc<Mutex<Vec<MetadataMap>>>,
    _server: JoinSet<()>,
}

/// An HTTP answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Bench {
    /// A server that answers with the request.
    pub(crate) fn echoing(files: &[&str]) -> Self {
        Self::answering(files, |_, request| Ok(stream::iter([Ok(request.into_inner())]).boxed()))
    }

    /// A server that answers with the request, and a gateway that serves this one service of it.
    pub(crate) fn of_service(file: &str, service: &str) -> Self {
        let echo = |_, request: tonic::Request<DynamicMessage>| -> Answer {
            Ok(stream::iter([Ok(request.into_inner())]).boxed())
        };
        Self::serving(&[file], |name| name == service, echo)
    }

    /// A server that answers so.
    pub(crate) fn answering(
        files: &[&str],
        answer: impl Fn(MethodDescriptor, tonic::Request<DynamicMessage>) -> Answer
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self::serving(files, |_| true, answer)
    }

    fn serving(
        files: &[&str],
        served: impl Fn(&str) -> bool,
        answer: impl Fn(MethodDescriptor, tonic::Request<DynamicMessage>) -> Answer
        + Send
        + Sync
        + 'static,
    ) -> Self {
        let descriptors = compile(files);
        let pool = DescriptorPool::decode(descriptors.as_slice()).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let recording = Arc::clone(&seen);
        let answering: Answering = Arc::new(move |method, request| {
            recording.lock().unwrap().push(request.metadata().clone());
            answer(method, request)
        });
        let routes = Router::new()
            .fallback(move |request: Request| serve(pool.clone(), Arc::clone(&answering), request));
        let (channel, server) = in_process(routes);
        let gateway = gateway(&descriptors, &channel, served);
        Self { router: gateway.router(), seen, _server: server }
    }

    /// A gateway whose server is not there.
    pub(crate) fn alone(files: &[&str]) -> Self {
        let (channel, server) = in_process(Router::new());
        drop(server);
        Self::before(files, channel)
    }

    /// A gateway in front of what is behind this channel.
    pub(crate) fn before(files: &[&str], channel: Channel) -> Self {
        let gateway = gateway(&compile(files), &channel, |_| true);
        Self { router: gateway.router(), seen: Arc::default(), _server: JoinSet::new() }
    }

    pub(crate) async fn send(&self, request: http::Request<Body>) -> Answered {
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answered { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answered {
        self.send(request(Method::GET, path, None)).await
    }

    pub(crate) async fn json(&self, method: Method, path: &str, body: &str) -> Answered {
        self.send(request(method, path, Some(body))).await
    }
}

impl Answered {
    pub(crate) fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn detail(&self, kind: &str) -> Json {
        let json = self.json();
        let details = json["details"].as_array().unwrap().clone();
        let url = format!("type.googleapis.com/google.rpc.{kind}");
        details.into_iter().find(|detail| detail["@type"] == url).unwrap_or_default()
    }

    pub(crate) fn reason(&self) -> String {
        self.detail("ErrorInfo")["reason"].as_str().unwrap_or_default().to_owned()
    }

    /// The fields that the answer says are wrong; it must be a proper refusal of bad input.
    pub(crate) fn wrong_fields(&self) -> Vec<String> {
        assert_eq!(self.status, StatusCode::BAD_REQUEST);
        assert_eq!(self.reason(), "INVALID_FIELD");
        let violations = self.detail("BadRequest")["fieldViolations"].clone();
        let field = |violation: &Json| {
            assert_ne!(violation["description"], "");
            violation["field"].as_str().unwrap().to_owned()
        };
        violations.as_array().unwrap().iter().map(field).collect()
    }
}

pub(crate) fn request(method: Method, path: &str, json: Option<&str>) -> http::Request<Body> {
    let request = http::Request::builder().method(method).uri(path);
    match json {
        Some(json) => request
            .header("content-type", "application/json")
            .body(Body::from(json.to_owned()))
            .unwrap(),
        None => request.body(Body::empty()).unwrap(),
    }
}

fn gateway(descriptors: &[u8], channel: &Channel, served: impl Fn(&str) -> bool) -> Gateway {
    let backends = |name: &str| served(name).then(|| channel.clone());
    let gateway = Gateway::new(descriptors, backends).unwrap();
    gateway.with_request_ids(|| "made-up".to_owned())
}

/// A channel to a server of these routes in this process.
fn in_process(routes: Router) -> (Channel, JoinSet<()>) {
    let (sender, connections) = mpsc::channel(1);
    let connector = tower::service_fn(move |_| {
        let sender = sender.clone();
        async move {
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            sender.send(theirs).await.map_err(std::io::Error::other)?;
            Ok::<_, std::io::Error>(TokioIo::new(ours))
        }
    });
    let incoming = ReceiverStream::new(connections).map(Ok::<_, std::io::Error>);
    let mut server = JoinSet::new();
    server.spawn(async move {
        let server = Server::builder().add_routes(Routes::from(routes));
        server.serve_with_incoming(incoming).await.unwrap();
    });
    (Endpoint::from_static("http://in-process").connect_with_connector_lazy(connector), server)
}

async fn serve(pool: DescriptorPool, answer: Answering, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let (service, name) = path.trim_start_matches('/').split_once('/').unwrap();
    let service = pool.get_service_by_name(service).unwrap();
    let method = service.methods().find(|method| method.name() == name).unwrap();
    let mut grpc = Grpc::new(DynamicCodec::new(method.input()));
    let streaming = method.is_server_streaming();
    let rpc = Rpc { method, answer };
    let response = if streaming {
        grpc.server_streaming(rpc, request).await
    } else {
        grpc.unary(Unary(rpc), request).await
    };
    response.into_response()
}

#[derive(Clone)]
struct Rpc {
    method: MethodDescriptor,
    answer: Answering,
}

struct Unary(Rpc);

impl Service<tonic::Request<DynamicMessage>> for Rpc {
    type Response = tonic::Response<BoxStream<'static, Result<DynamicMessage, Status>>>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Self::Response, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: tonic::Request<DynamicMessage>) -> Self::Future {
        let answer = (self.answer)(self.method.clone(), request);
        Box::pin(async move { answer.map(tonic::Response::new) })
    }
}

impl Service<tonic::Request<DynamicMessage>> for Unary {
    type Response = tonic::Response<DynamicMessage>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Self::Response, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: tonic::Request<DynamicMessage>) -> Self::Future {
        let again = request.metadata().get("idempotency-key").is_some_and(|key| key == "again");
        let answer = (self.0.answer)(self.0.method.clone(), request);
        Box::pin(async move {
            let message = answer?.next().await.unwrap()?;
            let mut response = tonic::Response::new(message);
            if again {
                response.metadata_mut().insert("idempotency-replayed", "true".parse().unwrap());
            }
            Ok(response)
        })
    }
}
