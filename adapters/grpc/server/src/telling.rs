//! A call as an operator sees it: a span and a measurement, to the end of its stream.

use std::time::{Duration, Instant};

use grpc_client::{Ending, code_name, counted_as, request_id};
use http::Request;
use telemetry_metrics::names::{GRPC_REQUEST_DURATION, GRPC_REQUESTS};
use tonic::body::Body;
use tonic::{Code, Status};
use tracing::Span;

use crate::rpcs;

/// What no server of ours serves: clients may make up names without end (trap R47).
const OTHER: &str = "other";
/// As OpenTelemetry calls it.
const OTHER_RPC: &str = "_OTHER";

/// The span of a call on its way, and what waits for its end. A client that leaves before cancels it.
pub(crate) fn begin(request: &Request<Body>) -> (Span, Ending) {
    begin_telling(request, || true)
}

/// The same, for a call that may be counted elsewhere in this process: whether it counts here is asked at its end.
pub fn begin_telling(
    request: &Request<Body>,
    counts: impl FnOnce() -> bool + Send + 'static,
) -> (Span, Ending) {
    let rpc = rpcs::known(request.uri().path());
    let span = span(request, rpc.unwrap_or(OTHER_RPC));
    telemetry_traces::continue_from_headers(&span, request.headers());
    let (told, began) = (span.clone(), Instant::now());
    let ending = Ending::new(span.clone(), move |status| {
        let counted = counts().then(|| began.elapsed());
        match status {
            Some(status) => tell(&told, rpc, status, counted),
            None => tell(&told, rpc, &Status::cancelled(""), counted),
        }
    });
    (span, ending)
}

fn span(request: &Request<Body>, rpc: &str) -> Span {
    tracing::info_span!(
        "rpc",
        otel.name = rpc,
        otel.kind = "server",
        otel.status_code = tracing::field::Empty,
        rpc.system.name = "grpc",
        rpc.method = rpc,
        rpc.response.status_code = tracing::field::Empty,
        "error.type" = tracing::field::Empty,
        correlation_id = request_id(request.headers()).and_then(|id| id.to_str().ok()),
    )
}

/// With the time it took where it is to be counted.
fn tell(span: &Span, rpc: Option<&'static str>, ended: &Status, counted: Option<Duration>) {
    let status = code_name(ended.code());
    span.record("rpc.response.status_code", status);
    if is_our_fault(ended.code()) {
        span.record("otel.status_code", "ERROR");
        span.record("error.type", status);
        span.in_scope(|| tracing::warn!(status, rpc, "a call failed"));
    } else {
        span.in_scope(|| tracing::debug!(status, "answered"));
    }
    let (service, method) = rpc.and_then(|rpc| rpc.split_once('/')).unwrap_or((OTHER, OTHER));
    let Some(took) = counted else { return };
    GRPC_REQUEST_DURATION.observe([service, method], took);
    GRPC_REQUESTS.add([service, method, counted_as(ended)]);
}

/// As OpenTelemetry's conventions have it for a server's side.
pub(crate) const fn is_our_fault(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}
