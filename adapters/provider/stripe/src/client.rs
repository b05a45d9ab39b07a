//! Requests and whole answers. What an answer means is not known here.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, RETRY_AFTER};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::ring::default_provider;

use crate::StripeSettings;
use crate::form::Form;

/// Of the whole call's time, which [`payment::PROVIDER_TIMEOUT`] bounds.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// The longest is a page of a hundred refunds, some hundred KiB.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Charges come in crowds; connections that wait for the next one are few.
const IDLE_CONNECTIONS_MAX: usize = 16;
const IDLE_CONNECTION: Duration = Duration::from_secs(30);
/// The version of the API whose answers are read here, whatever the account's own is.
const STRIPE_VERSION: HeaderValue = HeaderValue::from_static("2024-06-20");
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

pub(crate) struct Client {
    pool: Pool<HttpsConnector<HttpConnector>, Full<Bytes>>,
    settings: StripeSettings,
}

/// An answer, whole. Redirects are answers like others: the key goes nowhere else.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// When to come again, where it says so.
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Bytes,
}

/// There is no whole answer; whether the request has arrived is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NoAnswer(pub(crate) String);

impl Client {
    pub(crate) fn new(settings: StripeSettings) -> Result<Self, rustls::Error> {
        let mut http = HttpConnector::new();
        http.set_connect_timeout(Some(CONNECT_WITHIN));
        http.set_nodelay(true);
        http.enforce_http(false);
        // The roots are linked in, so that a bare image has them.
        let https = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(default_provider())?
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let pool = Pool::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_CONNECTION)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .build(https);
        Ok(Self { pool, settings })
    }

    /// Reads.
    pub(crate) async fn get(&self, path: &str, query: Option<Form>) -> Result<Answer, NoAnswer> {
        let query = query.map(|query| format!("?{}", query.encoded())).unwrap_or_default();
        self.send(Method::GET, &format!("{path}{query}"), None, Bytes::new()).await
    }

    /// Changes something; with a key once for the key.
    pub(crate) async fn post(
        &self,
        path: &str,
        key: Option<&str>,
        form: Form,
    ) -> Result<Answer, NoAnswer> {
        self.send(Method::POST, path, key, form.encoded().into()).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Bytes,
    ) -> Result<Answer, NoAnswer> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.settings.api_base()))
            .header(AUTHORIZATION, self.settings.authorization())
            .header(HeaderName::from_static("stripe-version"), STRIPE_VERSION)
            .header(CONTENT_TYPE, FORM)
            .header(ACCEPT, JSON);
        if let Some(key) = key {
            request = request.header(HeaderName::from_static("idempotency-key"), key);
        }
        let request = request.body(Full::new(body)).map_err(|error| NoAnswer(error.to_string()))?;
        let response =
            self.pool.request(request).await.map_err(|error| NoAnswer(causes(&error)))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| NoAnswer(format!("half an answer: {error}")))?.to_bytes();
        Ok(Answer { status: head.status, retry_after: retry_after(&head.headers), body })
    }
}

/// In seconds. A date would be read by a clock that is not the provider's.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// An error with what led to it: the client alone says no more than that it failed.
fn causes(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    told
}
