//! Asks an OIDC issuer over HTTPS: what it says of itself (OpenID Connect Discovery 1.0), its keys, and a token for a
//! server of ours (RFC 6749, client credentials). What is done with them, and when, is for the caller to know.

mod address;
mod credentials;
mod document;

use std::time::Duration;

use autometrics::autometrics;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request, StatusCode, Uri};
use https_client::{Answer, HttpsClient, NoAnswer, Roots};
use serde::Deserialize;

pub use address::IssuerAddress;
pub use credentials::Credentials;
use document::Document;

/// How long each question may take.
const ASK_WITHIN: Duration = Duration::from_secs(5);
/// Documents and sets of keys are a few KiB.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// A token goes with every call, among headers that are limited.
const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// What a token's life is taken for whose issuer does not tell it, and the longest that is believed.
const LIFE: Duration = Duration::from_secs(60);
const LIFE_MAX: Duration = Duration::from_secs(24 * 3600);
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// An issuer somewhere else.
#[derive(Debug, Clone)]
pub struct OidcIssuer {
    address: IssuerAddress,
    https: HttpsClient,
}

/// Why there is no answer to use. Never holds a token or a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OidcError {
    /// None came.
    #[error("{0}: {1}")]
    NoAnswer(String, String),
    /// It is not what was asked for.
    #[error("{0}: {1}")]
    Refused(String, String),
    /// What it says of itself cannot be used.
    #[error("the discovery document {0}")]
    Document(&'static str),
    /// The token it gave cannot be used.
    #[error("the token endpoint's answer {0}")]
    Token(&'static str),
}

/// A token for a server of ours. Shows itself without it.
#[derive(Clone)]
pub struct Grant {
    /// The header that it goes in.
    pub authorization: HeaderValue,
    /// How long it is good, from when it was asked for.
    pub valid_for: Duration,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    token_type: String,
    expires_in: Option<u64>,
}

impl OidcIssuer {
    /// The issuer at this address, which shows a certificate of one of these authorities.
    ///
    /// # Errors
    /// What keeps TLS from being set up.
    pub fn new(address: IssuerAddress, roots: Roots) -> Result<Self, String> {
        let https = HttpsClient::new(roots, ANSWER_BYTES_MAX).map_err(|error| error.to_string())?;
        Ok(Self { address, https })
    }

    /// Its present keys, as a JWKS.
    ///
    /// # Errors
    /// [`OidcError`].
    #[autometrics]
    pub async fn keys(&self) -> Result<String, OidcError> {
        let document = self.document().await?;
        let keys = self.get(document.keys()?).await?;
        String::from_utf8(keys.into())
            .map_err(|_| OidcError::Document("names keys that are no text"))
    }

    /// A token by client credentials.
    ///
    /// # Errors
    /// [`OidcError`].
    #[autometrics]
    pub async fn grant(&self, credentials: &Credentials) -> Result<Grant, OidcError> {
        let document = self.document().await?;
        let uri = document.token_endpoint()?;
        let (authorization, form) = credentials.request(document.takes_basic());
        let mut request =
            Request::post(uri.clone()).header(CONTENT_TYPE, FORM).header(ACCEPT, JSON);
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request = request.body(Bytes::from(form));
        let request = request.map_err(|error| no_answer(&uri, error))?;
        granted(&self.ask(&uri, request).await?)
    }

    async fn document(&self) -> Result<Document, OidcError> {
        let document: Document = serde_json::from_slice(&self.get(self.address.document()).await?)
            .map_err(|_| OidcError::Document("is none"))?;
        if document.is_of(&self.address) {
            Ok(document)
        } else {
            Err(OidcError::Document("is another issuer's"))
        }
    }

    async fn get(&self, uri: Uri) -> Result<Bytes, OidcError> {
        let request = Request::get(uri.clone()).header(ACCEPT, JSON).body(Bytes::new());
        let request = request.map_err(|error| no_answer(&uri, error))?;
        self.ask(&uri, request).await
    }

    async fn ask(&self, uri: &Uri, request: Request<Bytes>) -> Result<Bytes, OidcError> {
        let answer = tokio::time::timeout(ASK_WITHIN, self.https.send(request)).await;
        let answer = answer.map_err(|_| no_answer(uri, "it takes too long"))?;
        let Answer { status, body, .. } = answer.map_err(|NoAnswer(why)| no_answer(uri, why))?;
        if status == StatusCode::OK {
            return Ok(body);
        }
        // RFC 6749 has a word for why; it goes to a log, so it is one of the letters that words have.
        #[derive(Deserialize)]
        struct Refusal {
            error: String,
        }
        let word = serde_json::from_slice::<Refusal>(&body).map(|refusal| refusal.error);
        let word = word.unwrap_or_default();
        let plain = |letter: &char| letter.is_ascii_alphanumeric() || "_-.".contains(*letter);
        let word: String = word.chars().filter(plain).take(64).collect();
        Err(OidcError::Refused(place(uri), format!("{status} {word}").trim_end().to_owned()))
    }
}

fn granted(answer: &[u8]) -> Result<Grant, OidcError> {
    let granted: Granted =
        serde_json::from_slice(answer).map_err(|_| OidcError::Token("is none of RFC 6749's"))?;
    if !granted.token_type.eq_ignore_ascii_case("bearer") {
        return Err(OidcError::Token("is no bearer token"));
    }
    let token = granted.access_token;
    if token.is_empty()
        || token.len() > TOKEN_BYTES_MAX
        || !token.bytes().all(|b| b.is_ascii_graphic())
    {
        return Err(OidcError::Token("has no token that fits a header"));
    }
    let mut authorization = HeaderValue::try_from(format!("Bearer {token}"))
        .map_err(|_| OidcError::Token("has no token that fits a header"))?;
    authorization.set_sensitive(true);
    let valid_for = granted.expires_in.map_or(LIFE, Duration::from_secs).min(LIFE_MAX);
    Ok(Grant { authorization, valid_for })
}

fn no_answer(uri: &Uri, why: impl ToString) -> OidcError {
    OidcError::NoAnswer(place(uri), why.to_string())
}

/// An address without its query, which may hold what is nobody's business.
fn place(uri: &Uri) -> String {
    format!("{}{}", uri.authority().map_or("", |authority| authority.as_str()), uri.path())
}

impl std::fmt::Debug for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Grant").field("valid_for", &self.valid_for).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_a_bearer_token_with_an_end_and_is_shown_to_nobody() {
        let good = granted(br#"{"access_token":"secret","token_type":"bearer","expires_in":90}"#);
        let good = good.expect("a token");
        assert_eq!(good.valid_for, Duration::from_secs(90));
        assert!(!format!("{good:?} {:?}", good.authorization).contains("secret"));
        let endless = granted(br#"{"access_token":"a","token_type":"Bearer"}"#).expect("a token");
        assert_eq!(endless.valid_for, LIFE);
        for bad in [
            "",
            "{}",
            r#"{"access_token":"a","token_type":"DPoP"}"#,
            r#"{"access_token":"","token_type":"Bearer"}"#,
            r#"{"access_token":"a b","token_type":"Bearer"}"#,
            r#"{"access_token":"a","token_type":"Bearer","expires_in":"soon"}"#,
        ] {
            assert!(granted(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
