//! One connection, one request, one answer: for ports that few ask, and seldom.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use grpc_server::Connection;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::timeout;

use crate::limits::HEADER_DEADLINE;

/// Answers a connection's one request. It may take `limit` from the connection to the end of the answer: whoever asks
/// and does not read must not take the place of who does.
pub(crate) async fn converse<F>(
    name: &'static str,
    connection: Connection,
    limit: Duration,
    answer: impl Fn(Request<Incoming>) -> F,
) where
    F: Future<Output = Response<Full<Bytes>>>,
{
    let answers = service_fn(|request| {
        let answering = answer(request);
        async { Ok::<_, Infallible>(answering.await) }
    });
    let conversation = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_DEADLINE)
        .keep_alive(false)
        // Whoever has said all may say so, and still hears the answer.
        .half_close(true)
        .serve_connection(TokioIo::new(connection), answers);
    match timeout(limit, conversation).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(name, %error, "a connection ended early"),
        Err(_elapsed) => tracing::debug!(name, "a client took too long for its answer"),
    }
}
