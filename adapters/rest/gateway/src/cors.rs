//! Cross-origin requests from browsers: which pages of other origins may call, as the Fetch standard has it.
//!
//! Callers show a token in a header of their own, never a cookie, so no credentials are allowed. It
//! stands around a whole router and only adds headers, but for preflights, which it answers: those ask
//! whether a call may be made, and no server need be called for that.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
    VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use crate::conditional::no_body;
use crate::limits::PREFLIGHT_AGE;

const ANY: &str = "*";
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
/// What pages may send, gRPC-Web's headers among them.
const SENT: HeaderValue = HeaderValue::from_static(
    "authorization, accept, content-type, idempotency-key, if-match, if-none-match, last-event-id, \
     x-request-id, traceparent, tracestate, grpc-timeout, x-grpc-web, x-user-agent",
);
/// What pages may read of an answer.
const SHOWN: HeaderValue = HeaderValue::from_static(
    "allow, deprecation, etag, grpc-message, grpc-status, grpc-status-details-bin, \
     idempotency-replayed, location, retry-after, www-authenticate, x-request-id",
);

/// The origins whose pages may call.
#[derive(Debug, Clone, Default)]
pub struct Cors {
    origins: Arc<[String]>,
}

impl Cors {
    /// Pages of these origins, such as `https://shop.example`, or `*` for those of all. Without any,
    /// nothing is allowed and no header is added.
    #[must_use]
    pub fn new(origins: &[String]) -> Self {
        Self { origins: origins.into() }
    }

    /// The router, for pages of these origins too.
    pub fn around(self, router: Router) -> Router {
        if self.origins.is_empty() {
            return router;
        }
        router.layer(from_fn(move |request, next| self.clone().pass(request, next)))
    }

    async fn pass(self, request: Request, next: Next) -> Response {
        let preflight = request.method() == Method::OPTIONS
            && request.headers().contains_key(ORIGIN)
            && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        let allowed = self.allowed(request.headers());
        let mut response = if preflight { granted() } else { next.run(request).await };
        let headers = response.headers_mut();
        if !self.origins.iter().any(|origin| origin == ANY) {
            headers.append(VARY, HeaderValue::from_static("origin"));
        }
        if let Some(origin) = allowed {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            if preflight {
                headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
                headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, SENT);
                headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(PREFLIGHT_AGE.as_secs()));
            } else {
                headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, SHOWN);
            }
        }
        response
    }

    /// What is said of the caller's origin, if it may call.
    fn allowed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(ORIGIN)?;
        if self.origins.iter().any(|allowed| allowed == ANY) {
            return Some(HeaderValue::from_static(ANY));
        }
        self.origins
            .iter()
            .any(|allowed| allowed.as_bytes() == origin.as_bytes())
            .then(|| origin.clone())
    }
}

fn granted() -> Response {
    let mut response = Response::new(no_body());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
