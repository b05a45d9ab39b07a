//! The development issuer: makes the tokens that a real identity provider would make. Its key lies
//! in the data folder, so it may serve this machine only.

use std::path::{Path, PathBuf};
use std::time::Duration;

use grpc_server::Verifier;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use kernel::{Clock, Timestamp};
use serde::Serialize;

use crate::config::Settings;
use crate::key_file;
use crate::start_error::StartError;
use crate::system::SystemClock;

/// The `iss` of the development issuer's tokens.
pub const DEVELOPMENT_ISSUER: &str = "boxoffice-development";
/// The `iss` of the tokens that our own servers show each other when another issuer is configured.
const INTERNAL_ISSUER: &str = "boxoffice-internal";
const KEY_FILE: &str = "issuer.key";

/// Signs tokens.
pub struct Issuer {
    name: &'static str,
    audience: String,
    key: EncodingKey,
    key_id: String,
    jwks: String,
}

/// Whom a token is for.
#[derive(Debug, Clone, Default)]
pub struct Bearer {
    /// The token's `sub`.
    pub subject: String,
    /// The token's `roles`: buyer, organizer, admin, service.
    pub roles: Vec<String>,
    /// The token's `organizer_id`.
    pub organizer_id: Option<String>,
    /// The token's `locale`.
    pub locale: Option<String>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    roles: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    organizer_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    locale: Option<&'a str>,
    iat: i64,
    exp: i64,
}

impl Issuer {
    /// The development issuer with its key from the data folder, made if it is missing.
    ///
    /// # Errors
    /// [`StartError`] when the process listens on more than loopback, or the key cannot be had.
    pub fn development(settings: &Settings) -> Result<Self, StartError> {
        for (name, address) in settings.addresses() {
            if !address.ip().is_loopback() {
                let problem = format!(
                    "{address} is not a loopback address, and the development issuer serves only \
                     this machine; set OIDC_ISSUER"
                );
                return Err(StartError::Setting { name, problem });
            }
        }
        let der = key("DATA_DIR", settings.data_dir.join(KEY_FILE))?;
        Self::with_key(DEVELOPMENT_ISSUER, &settings.oidc_audience, &der)
    }

    /// The issuer for calls between our own servers where another one is configured. All of them have
    /// its key in a file; tokens of it count for the role `service` and no other.
    ///
    /// # Errors
    /// [`StartError`] when the key cannot be had.
    pub fn internal(settings: &Settings) -> Result<Self, StartError> {
        let der = key("SERVICE_KEY_FILE", settings.service_key())?;
        Self::with_key(INTERNAL_ISSUER, &settings.oidc_audience, &der)
    }

    /// A token for this bearer that is valid from now on for so long.
    ///
    /// # Errors
    /// [`StartError`] when signing fails, which it does not with a key that was read.
    pub fn mint(&self, bearer: &Bearer, valid_for: Duration) -> Result<String, StartError> {
        self.mint_until(bearer, SystemClock.now().plus(valid_for))
    }

    /// A token for this bearer that expires at this moment, which may be past.
    ///
    /// # Errors
    /// As [`Issuer::mint`].
    pub fn mint_until(&self, bearer: &Bearer, expires_at: Timestamp) -> Result<String, StartError> {
        let now = SystemClock.now();
        let header = Header { kid: Some(self.key_id.clone()), ..Header::new(Algorithm::EdDSA) };
        let claims = Claims {
            iss: self.name,
            aud: &self.audience,
            sub: &bearer.subject,
            roles: &bearer.roles,
            organizer_id: bearer.organizer_id.as_deref(),
            locale: bearer.locale.as_deref(),
            iat: now.as_micros() / 1_000_000,
            exp: expires_at.as_micros() / 1_000_000,
        };
        encode(&header, &claims, &self.key).map_err(unusable)
    }

    /// The public key as a JWKS.
    #[must_use]
    pub fn jwks(&self) -> &str {
        &self.jwks
    }

    /// Trusts this issuer's tokens.
    ///
    /// # Errors
    /// [`StartError`] when the key cannot be used, which a test rules out.
    pub fn verifier(&self) -> Result<Verifier, StartError> {
        Verifier::new(self.name, &self.audience, &self.jwks)
            .map_err(|error| StartError::Other(format!("the issuer's own key: {error}")))
    }

    fn with_key(name: &'static str, audience: &str, der: &[u8]) -> Result<Self, StartError> {
        let key = EncodingKey::from_ed_der(der);
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::EdDSA).map_err(unusable)?;
        let key_id = jwk.thumbprint(ThumbprintHash::SHA256).map_err(unusable)?;
        jwk.common.key_id = Some(key_id.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        let jwks = serde_json::to_string(&JwkSet { keys: vec![jwk] });
        let jwks = jwks.map_err(|e| StartError::Other(format!("the issuer's key: {e}")))?;
        Ok(Self { name, audience: audience.to_owned(), key, key_id, jwks })
    }
}

/// The key in this file; made, with its folder, if it is missing.
fn key(name: &'static str, path: PathBuf) -> Result<Vec<u8>, StartError> {
    let der = key_file::read_or_create(&path);
    der.map_err(|cause| StartError::File { name, path, cause })
}

/// Trusts the tokens of the configured issuer.
pub(crate) fn configured(
    issuer: &str,
    jwks: &Path,
    audience: &str,
) -> Result<Verifier, StartError> {
    let name = "OIDC_JWKS_FILE";
    let keys = std::fs::read_to_string(jwks).map_err(|cause| StartError::File {
        name,
        path: jwks.to_owned(),
        cause,
    })?;
    Verifier::new(issuer, audience, &keys)
        .map_err(|error| StartError::Setting { name, problem: error.to_string() })
}

fn unusable(error: jsonwebtoken::errors::Error) -> StartError {
    StartError::Other(format!("the issuer's key cannot be used: {error}"))
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issuer")
            .field("name", &self.name)
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}
