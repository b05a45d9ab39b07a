//! A request as an operator sees it: a span and a measurement, by the route's template and never by its path.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use axum::body::Body;
use axum::extract::Request;
use http::{Method, StatusCode};
use telemetry_metrics::names::{
    HTTP_REQUEST_DURATION, HTTP_REQUESTS, HTTP_REQUESTS_IN_FLIGHT, NONE,
};
use tracing::Span;

use crate::routes::{Found, Route, find};
use crate::template::RequestPath;

/// What matches no route.
const OTHER: &str = "other";
static IN_FLIGHT: AtomicI64 = AtomicI64::new(0);

/// One request on its way.
pub(crate) struct Telling {
    pub(crate) span: Span,
    method: &'static str,
    endpoint: String,
    began: Instant,
}

impl Telling {
    pub(crate) fn of(routes: &[Route], request: &Request<Body>) -> Self {
        let path = RequestPath::parse(request.uri().path()).ok();
        let route = path.and_then(|path| match find(routes, request.method(), &path) {
            Found::Route(route, _) => Some(route.template()),
            Found::OtherMethods(_) | Found::Nothing => None,
        });
        let (method, endpoint) =
            (known(request.method()), route.unwrap_or_else(|| OTHER.to_owned()));
        let request_id = request.headers().get("x-request-id").and_then(|id| id.to_str().ok());
        let span = tracing::info_span!(
            "http",
            otel.name = format!("{method} {endpoint}"),
            otel.kind = "server",
            otel.status_code = tracing::field::Empty,
            http.request.method = method,
            http.route = endpoint,
            http.response.status_code = tracing::field::Empty,
            correlation_id = request_id,
        );
        telemetry_traces::continue_from_headers(&span, request.headers());
        count(1);
        Self { span, method, endpoint, began: Instant::now() }
    }

    /// Streams go on after it.
    pub(crate) fn answered(self, status: StatusCode) {
        let _within = self.span.enter();
        self.span.record("http.response.status_code", status.as_u16());
        if status.is_server_error() {
            self.span.record("otel.status_code", "ERROR");
        }
        tracing::debug!(status = status.as_u16(), "answered");
        let endpoint = self.endpoint.clone();
        HTTP_REQUEST_DURATION
            .observe([self.method.to_owned(), endpoint.clone()], self.began.elapsed());
        HTTP_REQUESTS.add([self.method.to_owned(), endpoint, status.as_u16().to_string()]);
    }
}

/// Also for a request whose client went away.
impl Drop for Telling {
    fn drop(&mut self) {
        count(-1);
    }
}

fn count(change: i64) {
    let now = IN_FLIGHT.fetch_add(change, Ordering::Relaxed) + change;
    #[expect(clippy::cast_precision_loss, reason = "a count of requests is far below 2^52")]
    HTTP_REQUESTS_IN_FLIGHT.set(NONE, now as f64);
}

/// Clients may make up methods without end.
const fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => OTHER,
    }
}
