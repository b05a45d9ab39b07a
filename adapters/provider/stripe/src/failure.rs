//! Refusals in Stripe's words, and what they say of the money.

use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;

use crate::client::Answer;
use crate::intent::Intent;

/// What is shown to a buyer or an operator of a refusal at most.
const REASON_CHARS_MAX: usize = 200;
/// Said with 429 when others are at an object for too long: the request may have begun.
const LOCK_TIMEOUT: &str = "lock_timeout";

/// Why something was refused. The same words stand in an answer and at an intent that has failed.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Failure {
    #[serde(rename = "type", default)]
    pub(crate) kind: Option<String>,
    #[serde(default)]
    pub(crate) code: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    pub(crate) param: Option<String>,
    /// The intent that it is about, as it is now.
    #[serde(default)]
    pub(crate) payment_intent: Option<Box<Intent>>,
}

#[derive(Deserialize)]
struct Body {
    error: Failure,
}

/// What an answer that is no success says.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// The bank said no.
    Declined(Failure),
    /// The request was not begun, and would not be if it came again.
    NotBegun(Failure),
    /// There was no room for the request: it was not begun, and may come again.
    NoRoom {
        /// When, where that is said.
        retry_after: Option<Duration>,
    },
    /// Nothing definite.
    Unknown,
}

impl Failure {
    /// Why, in the provider's words: what is meant to be read, or else a code.
    pub(crate) fn reason(&self) -> String {
        let said = [&self.message, &self.code].into_iter().flatten().find(|said| !said.is_empty());
        let said = said.map_or("refused without a reason", String::as_str);
        said.chars().take(REASON_CHARS_MAX).collect()
    }

    fn is(&self, kind: &str) -> bool {
        self.kind.as_deref() == Some(kind)
    }
}

/// Reads an answer that is no success. `key` is the request's; only codes are logged, since texts may quote a key.
pub(crate) fn verdict(key: &str, answer: &Answer) -> Verdict {
    let status = answer.status;
    // A proxy's page is no word of Stripe's, whatever its status.
    let Ok(Body { error }) = serde_json::from_slice::<Body>(&answer.body) else {
        tracing::warn!(key, %status, "the provider's answer is none of its own");
        return Verdict::Unknown;
    };
    let (code, param) = (error.code.as_deref(), error.param.as_deref());
    match status {
        StatusCode::PAYMENT_REQUIRED => Verdict::Declined(error),
        StatusCode::BAD_REQUEST if error.is("idempotency_error") => {
            // The key stands for another request: what became of that one is to be found out.
            tracing::error!(key, "a key came again with another request");
            Verdict::Unknown
        }
        StatusCode::BAD_REQUEST if error.is("invalid_request_error") => {
            tracing::warn!(key, code, param, "the provider refuses a request");
            Verdict::NotBegun(error)
        }
        // Of a means of payment that is not there; of a path or an object it may be a wrong address or account.
        StatusCode::NOT_FOUND if param == Some("payment_method") => Verdict::NotBegun(error),
        StatusCode::TOO_MANY_REQUESTS if code != Some(LOCK_TIMEOUT) => {
            tracing::warn!(key, code, retry_after = ?answer.retry_after, "the provider has no room");
            Verdict::NoRoom { retry_after: answer.retry_after }
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
            tracing::error!(key, %status, code, "the provider does not let us in, or is not where we ask");
            Verdict::Unknown
        }
        _ => {
            tracing::warn!(key, %status, code, "the provider does not decide now");
            Verdict::Unknown
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn answer(status: u16, body: &str) -> Answer {
        let status = StatusCode::from_u16(status).expect("a status");
        Answer { status, retry_after: None, body: body.to_owned().into() }
    }

    fn told(status: u16, body: &str) -> &'static str {
        match verdict("key", &answer(status, body)) {
            Verdict::Declined(_) => "declined",
            Verdict::NotBegun(_) => "not begun",
            Verdict::NoRoom { .. } => "no room",
            Verdict::Unknown => "unknown",
        }
    }

    #[test]
    fn r04_only_stripes_own_words_decide() {
        let card = r#"{"error":{"type":"card_error","code":"card_declined","message":"No."}}"#;
        let invalid = r#"{"error":{"type":"invalid_request_error","code":"amount_too_small"}}"#;
        let reused = r#"{"error":{"type":"idempotency_error"}}"#;
        let method = r#"{"error":{"type":"invalid_request_error","param":"payment_method"}}"#;
        let locked = r#"{"error":{"type":"invalid_request_error","code":"lock_timeout"}}"#;
        for (status, body, expected) in [
            (402, card, "declined"),
            (400, invalid, "not begun"),
            (404, method, "not begun"),
            (400, reused, "unknown"),
            (404, invalid, "unknown"),
            (401, invalid, "unknown"),
            (403, invalid, "unknown"),
            (409, reused, "unknown"),
            (429, invalid, "no room"),
            (429, r#"{"error":{}}"#, "no room"),
            (429, locked, "unknown"),
            (429, "<html>", "unknown"),
            (500, r#"{"error":{"type":"api_error"}}"#, "unknown"),
            (503, "<html>", "unknown"),
            (402, "<html>", "unknown"),
            (400, "{}", "unknown"),
            (302, "", "unknown"),
        ] {
            assert_eq!(told(status, body), expected, "{status} {body}");
        }
    }

    #[test]
    fn a_reason_is_short_and_never_empty() {
        let failure = |message: &str, code: Option<&str>| Failure {
            message: Some(message.to_owned()),
            code: code.map(str::to_owned),
            ..Failure::default()
        };
        assert_eq!(
            failure("Your card was declined.", Some("card_declined")).reason(),
            "Your card was declined."
        );
        assert_eq!(failure("", Some("card_declined")).reason(), "card_declined");
        assert_eq!(failure(&"é".repeat(900), None).reason().chars().count(), REASON_CHARS_MAX);
        assert!(!Failure::default().reason().is_empty());
    }
}
