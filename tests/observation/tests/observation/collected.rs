//! A collector, and behind it who remembers every span that it passes on.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1 as wire;
use servers::{Life, Scratch, Server};
use tokio::task::{JoinSet, block_in_place};
use tonic::codec::CompressionEncoding;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// One span as it was delivered.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) service: String,
    pub(crate) trace: String,
    pub(crate) id: String,
    /// Empty where there is none.
    pub(crate) parent: String,
    pub(crate) name: String,
    /// `SERVER`, `CLIENT`, `PRODUCER`, `CONSUMER`, `INTERNAL`.
    pub(crate) kind: String,
    pub(crate) attributes: BTreeMap<String, String>,
}

#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<Vec<Span>>>);

/// A collector that can be killed, and what came through it.
pub(crate) struct Collected {
    pub(crate) collector: Server,
    /// Where it takes OTLP over HTTP; over gRPC it does at its own URL.
    pub(crate) http: String,
    receiver: Receiver,
    _serving: JoinSet<()>,
    _scratch: Scratch,
}

impl Collected {
    pub(crate) fn start() -> Self {
        let receiver = Receiver::default();
        let incoming = TcpIncoming::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let onward = format!("http://{}", incoming.local_addr().unwrap());
        let service =
            TraceServiceServer::new(receiver.clone()).accept_compressed(CompressionEncoding::Gzip);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let server = tonic::transport::Server::builder().add_service(service);
            server.serve_with_incoming(incoming).await.unwrap();
        });
        let scratch = Scratch::fresh("collector").unwrap();
        let folder = scratch.path().join("data");
        let started =
            block_in_place(|| servers::collector(&folder, Some(&onward), Life::WithStarter));
        let (collector, http) = started.unwrap();
        Self { collector, http, receiver, _serving: serving, _scratch: scratch }
    }

    /// All spans that came until now.
    pub(crate) fn spans(&self) -> Vec<Span> {
        self.receiver.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Those of one trace.
    pub(crate) fn of_trace(&self, trace: &str) -> Vec<Span> {
        self.spans().into_iter().filter(|span| span.trace == trace).collect()
    }
}

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut spans = Vec::new();
        for of_resource in request.into_inner().resource_spans {
            let resource = of_resource.resource.unwrap_or_default();
            let service = texts(&resource.attributes).remove("service.name").unwrap_or_default();
            let scopes = of_resource.scope_spans.into_iter();
            let delivered = scopes.flat_map(|scope| scope.spans);
            spans.extend(delivered.map(|span| read(&service, &span)));
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(spans);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn read(service: &str, span: &wire::Span) -> Span {
    Span {
        service: service.to_owned(),
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        name: span.name.clone(),
        kind: span.kind().as_str_name().trim_start_matches("SPAN_KIND_").to_owned(),
        attributes: texts(&span.attributes),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &Option<AnyValue>| match value.as_ref().and_then(|any| any.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    attributes.iter().map(|one| (one.key.clone(), text(&one.value))).collect()
}
