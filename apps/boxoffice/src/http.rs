//! A small JSON client for the platform's own REST interface, for the demo and the acceptance tests. It speaks HTTP/1.1.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use kernel::with_causes;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;

const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Calls one platform over HTTP.
#[derive(Clone)]
pub struct HttpClient {
    base: String,
    inner: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// One call, to be completed and sent.
pub struct HttpCall<'a> {
    client: &'a HttpClient,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Option<Value>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct HttpAnswer {
    /// The status code.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; null when it is empty or no JSON.
    pub json: Value,
}

/// The call got no answer.
#[derive(Debug, thiserror::Error)]
#[error("{method} {path} got no answer: {cause}")]
pub struct NoAnswer {
    method: Method,
    path: String,
    cause: String,
}

impl HttpClient {
    /// A client for the platform at `base`, such as `http://127.0.0.1:8080`.
    #[must_use]
    pub fn new(base: impl Into<String>) -> Self {
        // One provider of cryptography is linked, so there is no choice.
        let nobody = ClientConfig::builder().with_root_certificates(RootCertStore::empty());
        Self::over_tls(base, nobody.with_no_client_auth())
    }

    /// A client for the platform at `base`, such as `https://127.0.0.1:8080`, that believes whom `tls` says.
    #[must_use]
    pub fn over_tls(base: impl Into<String>, tls: ClientConfig) -> Self {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
        let connector = connector.enable_http1().wrap_connector(http);
        Self { base: base.into(), inner: Client::builder(TokioExecutor::new()).build(connector) }
    }

    /// Where it calls.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Begins a GET.
    pub fn get(&self, path: impl Into<String>) -> HttpCall<'_> {
        self.call(Method::GET, path)
    }

    /// Begins a POST.
    pub fn post(&self, path: impl Into<String>) -> HttpCall<'_> {
        self.call(Method::POST, path)
    }

    /// Begins a PATCH.
    pub fn patch(&self, path: impl Into<String>) -> HttpCall<'_> {
        self.call(Method::PATCH, path)
    }

    /// Begins a DELETE.
    pub fn delete(&self, path: impl Into<String>) -> HttpCall<'_> {
        self.call(Method::DELETE, path)
    }

    fn call(&self, method: Method, path: impl Into<String>) -> HttpCall<'_> {
        HttpCall { client: self, method, path: path.into(), headers: HeaderMap::new(), body: None }
    }
}

impl HttpCall<'_> {
    /// Adds the bearer's token.
    #[must_use]
    pub fn token(self, token: &str) -> Self {
        self.header(header::AUTHORIZATION.as_str(), &format!("Bearer {token}"))
    }

    /// Adds an idempotency key.
    #[must_use]
    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// Adds a header; one that HTTP does not allow is left out.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let (Ok(name), Ok(value)) = (name.parse::<http::HeaderName>(), value.parse()) {
            self.headers.insert(name, value);
        }
        self
    }

    /// Adds a JSON body.
    #[must_use]
    pub fn json(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// Sends the call and reads the whole answer.
    ///
    /// # Errors
    /// [`NoAnswer`] when the platform cannot be reached or hangs up.
    pub async fn send(self) -> Result<HttpAnswer, NoAnswer> {
        let (method, path) = (self.method.clone(), self.path.clone());
        let lost = |cause: String| NoAnswer { method, path, cause };
        match tokio::time::timeout(CALL_TIMEOUT, self.exchange()).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(cause)) => Err(lost(cause)),
            Err(_) => Err(lost(format!("nothing within {} s", CALL_TIMEOUT.as_secs()))),
        }
    }

    async fn exchange(self) -> Result<HttpAnswer, String> {
        let mut request = Request::builder()
            .method(self.method)
            .uri(format!("{}{}", self.client.base, self.path))
            .body(Full::new(
                self.body.as_ref().map_or_else(Bytes::new, |body| body.to_string().into()),
            ))
            .map_err(|error| error.to_string())?;
        *request.headers_mut() = self.headers;
        if self.body.is_some() {
            let json = header::HeaderValue::from_static("application/json");
            request.headers_mut().insert(header::CONTENT_TYPE, json);
        }
        let response =
            self.client.inner.request(request).await.map_err(|error| with_causes(&error))?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| with_causes(&error))?.to_bytes();
        let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Ok(HttpAnswer { status: parts.status, headers: parts.headers, json })
    }
}

impl HttpAnswer {
    /// The text of a field of the body; empty when it has none.
    #[must_use]
    pub fn text(&self, field: &str) -> &str {
        self.json.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// The reason of an error answer; empty when it is none.
    #[must_use]
    pub fn reason(&self) -> &str {
        let details =
            self.json.get("details").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        details.iter().find_map(|detail| detail.get("reason")?.as_str()).unwrap_or_default()
    }
}
