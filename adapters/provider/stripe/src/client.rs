//! Requests and whole answers. What an answer means is not known here.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, RETRY_AFTER};
use http::{HeaderValue, Method, Request, StatusCode};
pub(crate) use https_client::NoAnswer;
use https_client::{HttpsClient, Roots};

use crate::StripeSettings;
use crate::form::Form;

/// The longest is a page of a hundred refunds, some hundred KiB.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// The version of the API whose answers are read here, whatever the account's own is.
const STRIPE_VERSION: HeaderValue = HeaderValue::from_static("2024-06-20");
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

pub(crate) struct Client {
    https: HttpsClient,
    settings: StripeSettings,
}

/// An answer, whole.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// When to come again, where it says so.
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Bytes,
}

impl Client {
    pub(crate) fn new(settings: StripeSettings) -> Result<Self, rustls::Error> {
        Ok(Self { https: HttpsClient::new(Roots::public(), ANSWER_BYTES_MAX)?, settings })
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
        let request = request.body(body).map_err(|error| NoAnswer(error.to_string()))?;
        let answer = self.https.send(request).await?;
        let retry_after = retry_after(&answer.headers);
        Ok(Answer { status: answer.status, retry_after, body: answer.body })
    }
}

/// In seconds. A date would be read by a clock that is not the provider's.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}
