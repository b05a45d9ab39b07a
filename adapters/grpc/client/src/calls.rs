//! Calls as an operator sees them: a span and a measurement of each, and the caller's trace on its way along.

use std::task::{Context, Poll};
use std::time::Instant;

use futures::future::BoxFuture;
use http::{Request, Response};
use telemetry_metrics::names::{GRPC_CLIENT_REQUEST_DURATION, GRPC_CLIENT_REQUESTS};
use tonic::Code;
use tonic::body::Body;
use tonic::transport::{Channel, Error};
use tower::Service;
use tracing::{Instrument, Span};

use crate::observed::{code_name, observed};

/// A channel whose calls are told of: each try by itself.
#[derive(Debug, Clone)]
pub struct Calls(Channel);

impl Calls {
    /// The calls through this channel.
    #[must_use]
    pub const fn new(channel: Channel) -> Self {
        Self(channel)
    }
}

impl Service<Request<Body>> for Calls {
    type Response = Response<Body>;
    type Error = Error;
    type Future = BoxFuture<'static, Result<Response<Body>, Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let path = request.uri().path().trim_start_matches('/').to_owned();
        let span = tracing::info_span!(
            "call",
            otel.name = path,
            otel.kind = "client",
            otel.status_code = tracing::field::Empty,
            rpc.system.name = "grpc",
            rpc.method = path,
            rpc.response.status_code = tracing::field::Empty,
        );
        span.in_scope(|| telemetry_traces::write_headers(request.headers_mut()));
        let (began, calling) = (Instant::now(), self.0.call(request));
        let (told, within) = (span.clone(), span.clone());
        let tell = move |code| tell(&told, &path, code, began);
        Box::pin(
            async move {
                match calling.await {
                    Ok(response) => Ok(observed(response, within, tell)),
                    Err(error) => {
                        tell(Code::Unavailable);
                        Err(error)
                    }
                }
            }
            .instrument(span),
        )
    }
}

fn tell(span: &Span, path: &str, code: Code, began: Instant) {
    let (service, method) = path.split_once('/').unwrap_or((path, ""));
    let status = code_name(code);
    span.record("rpc.response.status_code", status);
    if code != Code::Ok {
        span.record("otel.status_code", "ERROR");
    }
    let (service, method) = (service.to_owned(), method.to_owned());
    GRPC_CLIENT_REQUEST_DURATION.observe([service.clone(), method.clone()], began.elapsed());
    GRPC_CLIENT_REQUESTS.add([service, method, status.to_owned()]);
}
