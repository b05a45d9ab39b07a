//! One plain GET, for answers that are no JSON.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::ClientConfig;

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

/// GETs a whole answer, over TLS if there is a configuration for it.
pub(crate) async fn get(url: &str, tls: Option<ClientConfig>) -> Result<PlainAnswer, String> {
    let uri = url.parse().map_err(|error| format!("{url}: {error}"))?;
    let builder = Client::builder(TokioExecutor::new());
    let asked = match tls {
        None => builder.build_http::<Empty<Bytes>>().get(uri),
        Some(tls) => {
            let mut http = HttpConnector::new();
            http.enforce_http(false);
            let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_only();
            builder.build::<_, Empty<Bytes>>(connector.enable_http1().wrap_connector(http)).get(uri)
        }
    };
    let response = asked.await.map_err(|error| format!("{url}: {error}"))?;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(|error| format!("{url}: {error}"))?.to_bytes();
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(PlainAnswer { status: parts.status, headers: parts.headers, body })
}
