//! A request as an operator sees it: a span and a measurement, by the route's template and never by its path.

use std::time::Instant;

use grpc_client::{RATE_LIMITED, is_rate_limited, method_name, request_id};
use http::StatusCode;
use http::request::Parts;
use telemetry_metrics::names::{
    HTTP_REQUEST_DURATION, HTTP_REQUESTS, HTTP_REQUESTS_IN_FLIGHT, NONE,
};
use tonic::Status;
use tracing::Span;

use crate::routes::Found;

/// What matches no route.
const OTHER: &str = "other";
/// What proxies tell of a client that left before its answer.
const CLIENT_LEFT: u16 = 499;

/// One request on its way. It is told of when this is dropped.
pub(crate) struct Telling {
    pub(crate) span: Span,
    method: &'static str,
    endpoint: String,
    began: Instant,
    status: u16,
    rate_limited: bool,
}

impl Telling {
    /// Of a request for what is found under its path, if there is anything.
    pub(crate) fn of(request: &Parts, found: Option<&Found<'_>>) -> Self {
        let method = method_name(&request.method);
        let endpoint = match found {
            Some(Found::Route(route, _)) => Some(route.template()),
            Some(Found::Page(page)) => Some(page.path.to_owned()),
            Some(Found::OtherMethods(_) | Found::Nothing) | None => None,
        };
        let known = endpoint.is_some();
        let endpoint = endpoint.unwrap_or_else(|| OTHER.to_owned());
        let span = tracing::info_span!(
            "http",
            otel.name = format!("{method} {endpoint}"),
            otel.kind = "server",
            otel.status_code = tracing::field::Empty,
            http.request.method = method,
            http.route = known.then_some(endpoint.as_str()),
            http.response.status_code = tracing::field::Empty,
            "error.type" = tracing::field::Empty,
            correlation_id = request_id(&request.headers).and_then(|id| id.to_str().ok()),
        );
        telemetry_traces::continue_from_headers(&span, &request.headers);
        HTTP_REQUESTS_IN_FLIGHT.add(NONE, 1.0);
        Self {
            span,
            method,
            endpoint,
            began: Instant::now(),
            status: CLIENT_LEFT,
            rate_limited: false,
        }
    }

    /// It is refused. A client past its own limit is counted apart, since 429 is want of room as well.
    pub(crate) fn refused(&mut self, status: &Status) {
        self.rate_limited = is_rate_limited(status);
    }

    /// Streams go on after it.
    pub(crate) fn answered(mut self, status: StatusCode) {
        self.status = status.as_u16();
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        let _within = self.span.enter();
        HTTP_REQUESTS_IN_FLIGHT.add(NONE, -1.0);
        // OpenTelemetry has no attributes without a sign: they would arrive as text.
        self.span.record("http.response.status_code", i64::from(self.status));
        let (status, endpoint) = (self.status.to_string(), std::mem::take(&mut self.endpoint));
        if self.status >= 500 {
            self.span.record("otel.status_code", "ERROR");
            self.span.record("error.type", &status);
            tracing::warn!(status, endpoint, "a request failed");
        } else {
            tracing::debug!(status, "answered");
        }
        HTTP_REQUEST_DURATION
            .observe([self.method.to_owned(), endpoint.clone()], self.began.elapsed());
        let counted = if self.rate_limited { RATE_LIMITED.to_owned() } else { status };
        HTTP_REQUESTS.add([self.method.to_owned(), endpoint, counted]);
    }
}
