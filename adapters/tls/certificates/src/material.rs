//! What is made of the files: how ports answer, and how calls are made.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use x509_cert::der::{DateTime, Decode};

use crate::acceptor::Protocol;
use crate::files::{CA, CERT, CLIENT_CA, Contents, KEY, TlsProblem, wrong};

const VERSIONS: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];

const NO_CERTIFICATE: &str = "has no certificate in it; write PEM";

/// How ports answer, each protocol in its way.
#[derive(Clone)]
pub(crate) struct ServerTls {
    grpc: Arc<ServerConfig>,
    rest: Arc<ServerConfig>,
    http1: Arc<ServerConfig>,
    /// Until when the certificate, or the first of those that vouch for it, is valid.
    pub(crate) expires: DateTime,
}

/// How calls over TLS are made: whom to believe, and what to show.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientTls {
    /// Who vouches for servers, in PEM.
    pub roots: Vec<u8>,
    /// Our own certificate and its key, in PEM, for who asks.
    pub pair: Option<(Vec<u8>, Vec<u8>)>,
}

impl ServerTls {
    pub(crate) fn new(contents: &Contents) -> Result<Option<Self>, TlsProblem> {
        let Some((cert, key)) = &contents.pair else { return Ok(None) };
        let chain = certificates(CERT, cert)?;
        let ends = chain.iter().map(expiry).collect::<Result<Vec<_>, _>>()?;
        let expires = ends.into_iter().min().ok_or_else(|| wrong(CERT, NO_CERTIFICATE))?;
        let key = private_key(key)?;
        let callers = contents.client_ca.as_deref().map(|pem| roots(CLIENT_CA, pem)).transpose()?;
        let config = |protocol| config(protocol, &chain, &key, callers.as_ref());
        Ok(Some(Self {
            grpc: config(Protocol::Grpc)?,
            rest: config(Protocol::Rest)?,
            http1: config(Protocol::Http1)?,
            expires,
        }))
    }

    pub(crate) fn of(&self, protocol: Protocol) -> Arc<ServerConfig> {
        Arc::clone(match protocol {
            Protocol::Grpc => &self.grpc,
            Protocol::Rest => &self.rest,
            Protocol::Http1 => &self.http1,
        })
    }
}

impl ClientTls {
    pub(crate) fn new(contents: &Contents) -> Result<Option<Self>, TlsProblem> {
        let Some(pem) = &contents.ca else { return Ok(None) };
        roots(CA, pem)?;
        Ok(Some(Self { roots: pem.clone(), pair: contents.pair.clone() }))
    }

    /// For clients of HTTP, which show no certificate.
    ///
    /// # Errors
    /// When the roots are none.
    pub fn http_config(&self) -> Result<ClientConfig, TlsProblem> {
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
        let builder =
            builder.with_protocol_versions(VERSIONS).map_err(|error| refused(CA, &error))?;
        Ok(builder.with_root_certificates(roots(CA, &self.roots)?).with_no_client_auth())
    }
}

fn config(
    protocol: Protocol,
    chain: &[CertificateDer<'static>],
    key: &PrivateKeyDer<'static>,
    callers: Option<&RootCertStore>,
) -> Result<Arc<ServerConfig>, TlsProblem> {
    let provider = Arc::new(default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder =
        builder.with_protocol_versions(VERSIONS).map_err(|error| refused(CERT, &error))?;
    // Browsers, Prometheus and probes have no certificate.
    let builder = match callers.filter(|_| protocol == Protocol::Grpc) {
        Some(roots) => {
            let roots = Arc::new(roots.clone());
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build();
            let verifier = verifier.map_err(|error| wrong(CLIENT_CA, error.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        }
        None => builder.with_no_client_auth(),
    };
    let config = builder.with_single_cert(chain.to_vec(), key.clone_key());
    let mut config = config.map_err(|error| refused(KEY, &error))?;
    config.alpn_protocols = protocol.names().iter().map(|name| name.to_vec()).collect();
    Ok(Arc::new(config))
}

fn refused(variable: &'static str, error: &rustls::Error) -> TlsProblem {
    if matches!(error, rustls::Error::InconsistentKeys(_)) {
        return wrong(variable, format!("is not the key of {CERT}"));
    }
    wrong(variable, error.to_string())
}

fn certificates(
    variable: &'static str,
    pem: &[u8],
) -> Result<Vec<CertificateDer<'static>>, TlsProblem> {
    let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(|error| wrong(variable, format!("is no PEM: {error}")))?;
    if found.is_empty() {
        return Err(wrong(variable, NO_CERTIFICATE));
    }
    Ok(found)
}

/// What is in the file is not repeated: it is a secret.
fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, TlsProblem> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| {
        wrong(KEY, "has no private key in it that can be read; write PEM, without a password")
    })
}

fn roots(variable: &'static str, pem: &[u8]) -> Result<RootCertStore, TlsProblem> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(variable, pem)? {
        roots.add(certificate).map_err(|error| refused(variable, &error))?;
    }
    Ok(roots)
}

fn expiry(certificate: &CertificateDer<'static>) -> Result<DateTime, TlsProblem> {
    let read = x509_cert::Certificate::from_der(certificate);
    let read =
        read.map_err(|error| wrong(CERT, format!("has a certificate of no form: {error}")))?;
    Ok(read.tbs_certificate.validity.not_after.to_date_time())
}

/// Keys are not shown.
impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls").finish_non_exhaustive()
    }
}
