//! Calls as an operator sees them: a span and a measurement of each, and the caller's trace on its way along.

use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use http::header::VIA;
use http::{HeaderValue, Request, Response};
use telemetry_metrics::names::{GRPC_CLIENT_REQUEST_DURATION, GRPC_CLIENT_REQUESTS};
use tokio::time::Instant;
use tonic::body::Body;
use tonic::transport::{Channel, Error};
use tonic::{Code, Status, TimeoutExpired};
use tower::Service;
use tracing::{Instrument, Span};

use crate::ending::{Ending, code_name, counted_as};
use crate::grpc_timeout::grpc_timeout;
use crate::limits::TIMERS_APART;
use crate::resend::causes;

/// Says that the address that a server sees is not the caller's, on whose behalf we call.
const US: HeaderValue = HeaderValue::from_static("2 boxoffice");

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
            "error.type" = tracing::field::Empty,
        );
        span.in_scope(|| telemetry_traces::write_headers(request.headers_mut()));
        request.headers_mut().insert(VIA, US);
        let (told, allowed, began) =
            (span.clone(), grpc_timeout(request.headers()).ok().flatten(), Instant::now());
        let ending = Ending::new(span.clone(), move |status| {
            let took = began.elapsed();
            match status {
                Some(status) => tell(&told, &path, status, took),
                None => tell(&told, &path, &Status::new(given_up(allowed, took), ""), took),
            }
        });
        let calling = self.0.call(request);
        Box::pin(
            async move {
                match calling.await {
                    Ok(response) => Ok(ending.with(response)),
                    Err(error) => {
                        ending.told(&Status::new(failed(&error), ""));
                        Err(error)
                    }
                }
            }
            .instrument(span),
        )
    }
}

/// Why a call was given up: because its time was over, or for reasons of the caller's own.
fn given_up(allowed: Option<Duration>, took: Duration) -> Code {
    match allowed {
        Some(allowed) if took + TIMERS_APART >= allowed => Code::DeadlineExceeded,
        _ => Code::Cancelled,
    }
}

/// What a call that got no answer failed with: the time may have run out here as well.
fn failed(error: &Error) -> Code {
    if causes(error).any(|cause| cause.is::<TimeoutExpired>()) {
        Code::DeadlineExceeded
    } else {
        Code::Unavailable
    }
}

fn tell(span: &Span, path: &str, ended: &Status, took: Duration) {
    let (service, method) = path.split_once('/').unwrap_or((path, ""));
    let status = code_name(ended.code());
    span.record("rpc.response.status_code", status);
    if ended.code() != Code::Ok {
        span.record("otel.status_code", "ERROR");
        span.record("error.type", status);
    }
    let (service, method) = (service.to_owned(), method.to_owned());
    GRPC_CLIENT_REQUEST_DURATION.observe([service.clone(), method.clone()], took);
    GRPC_CLIENT_REQUESTS.add([service, method, counted_as(ended).to_owned()]);
}
