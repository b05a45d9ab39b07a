//! A call as an operator sees it: a span and a measurement, to the end of its stream.

use std::time::Instant;

use grpc_client::{code_name, observed};
use http::{Request, Response};
use telemetry_metrics::names::{GRPC_REQUEST_DURATION, GRPC_REQUESTS};
use tonic::body::Body;
use tonic::{Code, Status};
use tracing::Span;

/// What no service of ours serves: clients may make up names without end.
const OTHER: &str = "other";

/// One call on its way.
pub(crate) struct Telling {
    pub(crate) span: Span,
    path: String,
    began: Instant,
}

impl Telling {
    pub(crate) fn of(request: &Request<Body>) -> Self {
        let path = request.uri().path().trim_start_matches('/').to_owned();
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        let span = tracing::info_span!(
            "rpc",
            otel.name = path,
            otel.kind = "server",
            otel.status_code = tracing::field::Empty,
            rpc.system.name = "grpc",
            rpc.method = path,
            rpc.response.status_code = tracing::field::Empty,
            correlation_id = header("x-request-id"),
        );
        telemetry_traces::continue_from_headers(&span, request.headers());
        Self { span, path, began: Instant::now() }
    }

    pub(crate) fn answered(self, response: Response<Body>) -> Response<Body> {
        let unserved = Status::from_header_map(response.headers()).is_some_and(|status| {
            status.code() == Code::Unimplemented && status.details().is_empty()
        });
        let span = self.span.clone();
        observed(response, span, move |code| self.ended(code, unserved))
    }

    fn ended(self, code: Code, unserved: bool) {
        let status = code_name(code);
        self.span.record("rpc.response.status_code", status);
        if is_our_fault(code) {
            self.span.record("otel.status_code", "ERROR");
        }
        self.span.in_scope(|| tracing::debug!(status, "answered"));
        let (service, method) = match self.path.split_once('/') {
            Some((service, method)) if !unserved => (service.to_owned(), method.to_owned()),
            _ => (OTHER.to_owned(), OTHER.to_owned()),
        };
        GRPC_REQUEST_DURATION.observe([service.clone(), method.clone()], self.began.elapsed());
        GRPC_REQUESTS.add([service, method, status.to_owned()]);
    }
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
