//! One plain GET, for answers that are no JSON.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

/// An answer with its body as text.
#[derive(Debug, Clone)]
pub struct PlainAnswer {
    /// The status code.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
}

/// GETs a whole answer.
pub(crate) async fn get(url: &str) -> Result<PlainAnswer, String> {
    let uri = url.parse().map_err(|error| format!("{url}: {error}"))?;
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let response = client.get(uri).await.map_err(|error| format!("{url}: {error}"))?;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(|error| format!("{url}: {error}"))?.to_bytes();
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(PlainAnswer { status: parts.status, headers: parts.headers, body })
}
