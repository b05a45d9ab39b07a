//! The admin port: `/live`, `/ready`, `/metrics`. Bound first and closed last.

use std::net::SocketAddr;

use bytes::Bytes;
use grpc_server::{Listener, ListenerSettings};
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use telemetry_metrics::Format;
use telemetry_metrics::names::{NONE, SERVICE_READY, SERVICE_WAS_READY};
use tls_certificates::Acceptor;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::conversation::converse;
use crate::limits::{ADMIN_CONNECTIONS_MAX, ADMIN_CONVERSATION};
use crate::metrics::LIVE;
use crate::process::bind;
use crate::readiness::Readiness;
use crate::start_error::StartError;

const PROMETHEUS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The bound admin port.
#[derive(Debug)]
pub struct Admin {
    listener: Listener,
    readiness: Readiness,
}

impl Admin {
    /// Binds the port.
    ///
    /// # Errors
    /// [`StartError::Port`] that names `ADMIN_ADDR`.
    pub async fn bind(
        address: SocketAddr,
        acceptor: Acceptor,
        readiness: Readiness,
    ) -> Result<Self, StartError> {
        let settings =
            ListenerSettings { connections_max: ADMIN_CONNECTIONS_MAX, ..ListenerSettings::http() };
        let listener = bind("ADMIN_ADDR", address, settings, acceptor).await?;
        Ok(Self { listener, readiness })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Serves until `stopping` is cancelled; then drops what is open: probes ask again.
    pub async fn serve(self, stopping: CancellationToken) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                connection = self.listener.accept(&stopping) => {
                    let readiness = self.readiness.clone();
                    connections.spawn(converse("admin", connection, ADMIN_CONVERSATION, move |request| {
                        std::future::ready(answer(&request, &readiness))
                    }));
                }
                Some(_ended) = connections.join_next() => {}
            }
        }
    }
}

fn answer<B>(request: &Request<B>, readiness: &Readiness) -> Response<Full<Bytes>> {
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        return respond(StatusCode::METHOD_NOT_ALLOWED, PROMETHEUS, String::new());
    }
    match request.uri().path() {
        "/live" => respond(StatusCode::OK, PROMETHEUS, LIVE.to_owned()),
        "/metrics" => {
            let yes_or_no = |is_so| f64::from(u8::from(is_so));
            SERVICE_READY.set(NONE, yes_or_no(readiness.is_ready()));
            SERVICE_WAS_READY.set(NONE, yes_or_no(readiness.was_ready()));
            let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
            let format = Format::accepted(accept.unwrap_or_default());
            let content_type = HeaderValue::from_static(format.content_type());
            respond(StatusCode::OK, content_type, telemetry_metrics::render(format))
        }
        "/ready" => {
            let ready = readiness.is_ready();
            let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            let (parts, details) = (readiness.parts(), readiness.details());
            let body = if details.is_empty() {
                serde_json::json!({ "ready": ready, "dependencies": parts })
            } else {
                serde_json::json!({ "ready": ready, "dependencies": parts, "details": details })
            };
            respond(status, JSON, body.to_string())
        }
        _ => respond(StatusCode::NOT_FOUND, PROMETHEUS, String::new()),
    }
}

fn respond(status: StatusCode, content_type: HeaderValue, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
