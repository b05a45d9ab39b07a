//! Requests to others over HTTPS, and their whole answers: the one client of the house. Redirects are answers like
//! others, so that what a request carries goes nowhere else.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::uri::{Scheme, Uri};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kernel::with_causes;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Of the whole call's time, which is its caller's to bound.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// Calls come in crowds; connections that wait for the next one are few.
const IDLE_CONNECTIONS_MAX: usize = 16;
const IDLE_CONNECTION: Duration = Duration::from_secs(30);

/// Speaks HTTPS with whoever shows a certificate of a public authority, or of one that was added; and plain HTTP, which
/// is for the caller to allow ([`is_safe`]).
#[derive(Debug, Clone)]
pub struct HttpsClient {
    pool: Pool<HttpsConnector<HttpConnector>, Full<Bytes>>,
    answer_bytes_max: usize,
}

/// An answer, whole.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// There is no whole answer; whether the request has arrived is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoAnswer(pub String);

/// The authorities whose certificates are trusted.
#[derive(Debug, Clone)]
pub struct Roots(RootCertStore);

impl Roots {
    /// The public ones. They are linked in, so that a bare image has them.
    #[must_use]
    pub fn public() -> Self {
        Self(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
    }

    /// And those of a PEM file.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn and_of(mut self, file: &Path) -> Result<Self, String> {
        let mut added = 0;
        for certificate in CertificateDer::pem_file_iter(file).map_err(|e| e.to_string())? {
            let certificate = certificate.map_err(|error| error.to_string())?;
            self.0.add(certificate).map_err(|error| error.to_string())?;
            added += 1;
        }
        if added == 0 { Err("has no certificate".to_owned()) } else { Ok(self) }
    }
}

impl HttpsClient {
    /// Takes answers of so many bytes at most.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(roots: Roots, answer_bytes_max: usize) -> Result<Self, rustls::Error> {
        let mut http = HttpConnector::new();
        http.set_connect_timeout(Some(CONNECT_WITHIN));
        http.set_nodelay(true);
        http.enforce_http(false);
        let tls = ClientConfig::builder_with_provider(default_provider().into())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots.0)
            .with_no_client_auth();
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let pool = Pool::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_CONNECTION)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .build(https);
        Ok(Self { pool, answer_bytes_max })
    }

    /// Asks, and waits for the whole answer.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub async fn send(&self, request: Request<Bytes>) -> Result<Answer, NoAnswer> {
        let response = self.pool.request(request.map(Full::new)).await;
        let response = response.map_err(|error| NoAnswer(with_causes(&error)))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, self.answer_bytes_max).collect().await;
        let body =
            body.map_err(|error| NoAnswer(format!("half an answer: {}", with_causes(&*error))))?;
        Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
    }
}

/// Whether what goes to this address goes over TLS or does not leave the machine, and the address names no user.
#[must_use]
pub fn is_safe(uri: &Uri) -> bool {
    let Some(host) = uri.host() else { return false };
    let here = host == "localhost"
        || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let encrypted = uri.scheme() == Some(&Scheme::HTTPS);
    let no_user = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    no_user && (encrypted || uri.scheme() == Some(&Scheme::HTTP) && here)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_adds_no_authority() {
        let public = Roots::public().0.len();
        assert!(public > 50, "{public}");
        for (file, problem) in [("Cargo.toml", "has no certificate"), ("nowhere.pem", "")] {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
            let refused = Roots::public().and_of(&file).expect_err("no certificate");
            assert!(refused.contains(problem), "{refused}");
        }
    }

    #[test]
    fn what_is_secret_goes_over_tls_or_stays_here() {
        for (uri, safe) in [
            ("https://id.test/a", true),
            ("http://127.0.0.1:1", true),
            ("http://[::1]:1", true),
            ("http://localhost", true),
            ("http://id.test", false),
            ("http://10.0.0.1", false),
            ("https://me@id.test", false),
            ("/path", false),
        ] {
            assert_eq!(is_safe(&uri.parse().expect(uri)), safe, "{uri}");
        }
    }
}
