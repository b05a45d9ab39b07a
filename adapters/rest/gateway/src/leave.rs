//! Asks a connection's client to go elsewhere while the server still serves: HTTP/1 by the header of
//! an answer, HTTP/2 by the GOAWAY that the connection sends. A connection that is idle stays open:
//! its client may be about to use it, and a request on a closed one is lost. It tells the connection, too, whether its
//! answer is one that lasts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::response::Response;
use futures::future::BoxFuture;
use http::header::CONNECTION;
use http::{HeaderValue, Version};
use http_body::Body as _;
use tokio_util::sync::CancellationToken;
use tower::{Layer, Service};

use crate::lasting::Streams;

/// Of one connection.
#[derive(Debug, Clone)]
pub(crate) struct Leave {
    /// Whether clients are to go.
    pub(crate) draining: CancellationToken,
    /// Has the connection end once its requests have.
    pub(crate) leave: CancellationToken,
    /// Cancelled by the first request of HTTP/2.
    pub(crate) http2: CancellationToken,
    /// What goes on over HTTP/2 without a known end.
    pub(crate) streams: Streams,
    /// Whether an answer of HTTP/1 is under way whose end nobody knows.
    pub(crate) lasting: Arc<AtomicBool>,
}

#[derive(Debug, Clone)]
pub(crate) struct Leaving<S> {
    inner: S,
    ask: Leave,
}

impl<S> Layer<S> for Leave {
    type Service = Leaving<S>;

    fn layer(&self, inner: S) -> Leaving<S> {
        Leaving { inner, ask: self.clone() }
    }
}

impl<S, B> Service<Request<B>> for Leaving<S>
where
    S: Service<Request<B>, Response = Response>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (http2, ask) = (request.version() == Version::HTTP_2, self.ask.clone());
        ask.lasting.store(false, Ordering::Relaxed);
        if http2 {
            ask.http2.cancel();
        }
        let answering = self.inner.call(request);
        Box::pin(async move {
            let mut response = answering.await?;
            let lasts = response.body().size_hint().exact().is_none();
            ask.lasting.store(lasts && !http2, Ordering::Relaxed);
            if lasts && http2 {
                response = response.map(|body| ask.streams.with(body));
            }
            if ask.draining.is_cancelled() {
                if http2 {
                    ask.leave.cancel();
                } else {
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
            }
            Ok(response)
        })
    }
}
