//! Verifies bearer tokens against the issuer's keys. What a token says of itself decides nothing:
//! the algorithm is the key's, the key is ours (reliability.md, matrix row 22).

mod known;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse,
};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use kernel::{Caller, Fault, FaultClass, Locale, OrganizerId, Role};
use serde::Deserialize;

use self::known::Known;
use crate::limits::CLOCK_LEEWAY_SECS;

/// Knows issuers, their audience and their present keys. Clones share the keys, so that replacing
/// them reaches every server.
#[derive(Clone)]
pub struct Verifier {
    trusted: Vec<Trusted>,
    known: Arc<Known>,
}

#[derive(Clone)]
struct Trusted {
    issuer: Arc<str>,
    audience: Arc<str>,
    keys: Arc<RwLock<Arc<Keys>>>,
    /// The one role that its tokens may give; any without it.
    only: Option<Role>,
}

/// A JWKS that no token could be verified with.
#[derive(Debug, thiserror::Error)]
pub enum InvalidJwks {
    /// Not the JSON of a JWKS.
    #[error("not a JSON Web Key Set: {0}")]
    NotJson(#[from] serde_json::Error),
    /// No key in it is one we use.
    #[error("has no signing key for RS256, ES256 or EdDSA with a key id")]
    NoUsableKey,
}

/// Why a token is refused. Its bearer learns no more than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// It was valid once.
    #[error("the bearer token has expired")]
    Expired,
    /// It is forged, for somebody else, not yet valid, or no token at all.
    #[error("the bearer token is not valid here")]
    NotValid,
    /// The header is not `Bearer` and one token.
    #[error("the authorization header must be one value: Bearer and a token")]
    NotBearer,
}

type Keys = HashMap<String, (Algorithm, DecodingKey)>;

#[derive(Deserialize)]
struct Claims {
    sub: String,
    /// In seconds since 1970, perhaps with a fraction.
    exp: f64,
    #[serde(default)]
    roles: Vec<String>,
    organizer_id: Option<String>,
    locale: Option<String>,
}

impl Verifier {
    /// Trusts tokens of this issuer for this audience, signed by a key of this JWKS.
    ///
    /// # Errors
    /// [`InvalidJwks`] when the JWKS cannot be read or has no key to use.
    pub fn new(issuer: &str, audience: &str, jwks: &str) -> Result<Self, InvalidJwks> {
        let keys = Arc::new(RwLock::new(Arc::new(read_keys(jwks)?)));
        let trusted =
            Trusted { issuer: issuer.into(), audience: audience.into(), keys, only: None };
        Ok(Self::new_to(vec![trusted]))
    }

    /// Believes the tokens it trusts this role and no other.
    #[must_use]
    pub fn only_for(mut self, role: Role) -> Self {
        for trusted in &mut self.trusted {
            trusted.only = Some(role);
        }
        Self::new_to(self.trusted)
    }

    /// Trusts what either trusts. A key counts only for its own issuer's tokens.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        let trusted = self.trusted.into_iter().chain(other.trusted.iter().cloned());
        Self::new_to(trusted.collect())
    }

    /// What is known of a token holds for those alone whom it was verified for.
    fn new_to(trusted: Vec<Trusted>) -> Self {
        Self { trusted, known: Arc::default() }
    }

    /// Trusts these keys of the first issuer from now on and no others of it.
    ///
    /// # Errors
    /// [`InvalidJwks`] when there is no key to use; the present keys stay.
    pub fn replace_keys(&self, jwks: &str) -> Result<(), InvalidJwks> {
        let fresh = Arc::new(read_keys(jwks)?);
        if let Some(first) = self.trusted.first() {
            *first.keys.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        }
        Ok(())
    }

    /// Who the token's bearer is.
    ///
    /// # Errors
    /// [`InvalidToken`].
    pub fn verify(&self, token: &str) -> Result<Caller, InvalidToken> {
        let are_present =
            |keys: &Arc<Keys>| self.trusted.iter().any(|it| Arc::ptr_eq(&it.present_keys(), keys));
        if let Some(caller) = self.known.caller(token, are_present) {
            return Ok(caller);
        }
        let header = decode_header(token).map_err(|_| InvalidToken::NotValid)?;
        let key_id = header.kid.as_deref().filter(|_| is_access_token(&header));
        let key_id = key_id.ok_or(InvalidToken::NotValid)?;
        let key = self.trusted.iter().find_map(|trusted| trusted.key(key_id));
        let (trusted, keys) = key.ok_or(InvalidToken::NotValid)?;
        let (algorithm, key) = keys.get(key_id).ok_or(InvalidToken::NotValid)?;
        let decoded =
            decode::<Claims>(token, key, &trusted.rules(*algorithm)).map_err(|error| {
                let expired = *error.kind() == jsonwebtoken::errors::ErrorKind::ExpiredSignature;
                if expired { InvalidToken::Expired } else { InvalidToken::NotValid }
            })?;
        let expires_at = whole_seconds(decoded.claims.exp);
        let mut caller = caller(decoded.claims)?;
        caller.roles.retain(|role| trusted.only.is_none_or(|only| *role == only));
        self.known.remember(token, caller.clone(), expires_at, keys);
        Ok(caller)
    }
}

impl Trusted {
    /// The present keys, if one of them has this id.
    fn key(&self, id: &str) -> Option<(&Self, Arc<Keys>)> {
        let keys = self.present_keys();
        keys.contains_key(id).then_some((self, keys))
    }

    fn present_keys(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn rules(&self, algorithm: Algorithm) -> Validation {
        let mut rules = Validation::new(algorithm);
        rules.set_issuer(&[&self.issuer]);
        rules.set_audience(&[&self.audience]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        rules.validate_nbf = true;
        rules.leeway = CLOCK_LEEWAY_SECS;
        rules
    }
}

/// The header's `typ` names an access token, and it has no extension that we must understand.
fn is_access_token(header: &Header) -> bool {
    let typ = header.typ.as_deref().unwrap_or_default().to_ascii_lowercase();
    matches!(typ.as_str(), "jwt" | "at+jwt" | "application/at+jwt") && header.crit.is_none()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what does not fit becomes the nearest that does"
)]
const fn whole_seconds(seconds: f64) -> u64 {
    seconds as u64
}

fn caller(claims: Claims) -> Result<Caller, InvalidToken> {
    // It goes into the scope of idempotency keys, which a database keeps.
    if claims.sub.is_empty() || claims.sub.contains(char::is_control) {
        return Err(InvalidToken::NotValid);
    }
    let organizer_id = claims.organizer_id.map(OrganizerId::new).transpose();
    Ok(Caller {
        subject: Some(claims.sub),
        roles: claims.roles.iter().filter_map(|name| role(name)).collect(),
        organizer_id: organizer_id.map_err(|_| InvalidToken::NotValid)?,
        locale: claims.locale.as_deref().map(Locale::nearest).unwrap_or_default(),
    })
}

/// Roles of other systems in the same token mean nothing here.
fn role(name: &str) -> Option<Role> {
    match name {
        "buyer" => Some(Role::Buyer),
        "organizer" => Some(Role::Organizer),
        "admin" => Some(Role::Admin),
        "service" => Some(Role::Service),
        _ => None,
    }
}

fn read_keys(jwks: &str) -> Result<Keys, InvalidJwks> {
    let set: JwkSet = serde_json::from_str(jwks)?;
    let keys: Keys = set.keys.iter().filter_map(usable_key).collect();
    if keys.is_empty() { Err(InvalidJwks::NoUsableKey) } else { Ok(keys) }
}

fn usable_key(jwk: &Jwk) -> Option<(String, (Algorithm, DecodingKey))> {
    let (algorithm, name) = algorithm(&jwk.algorithm)?;
    let for_signing =
        jwk.common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature);
    let named_so = jwk.common.key_algorithm.is_none_or(|own| own == name);
    let key = DecodingKey::from_jwk(jwk).ok().filter(|_| for_signing && named_so)?;
    Some((jwk.common.key_id.clone()?, (algorithm, key)))
}

/// The one algorithm we use with a kind of key; the library's list of kinds is open.
fn algorithm(parameters: &AlgorithmParameters) -> Option<(Algorithm, KeyAlgorithm)> {
    if let AlgorithmParameters::RSA(_) = parameters {
        return Some((Algorithm::RS256, KeyAlgorithm::RS256));
    }
    if let AlgorithmParameters::EllipticCurve(key) = parameters {
        let p256 = key.curve == EllipticCurve::P256;
        return p256.then_some((Algorithm::ES256, KeyAlgorithm::ES256));
    }
    if let AlgorithmParameters::OctetKeyPair(key) = parameters {
        let ed25519 = key.curve == EllipticCurve::Ed25519;
        return ed25519.then_some((Algorithm::EdDSA, KeyAlgorithm::EdDSA));
    }
    None
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let issuers = self.trusted.iter().map(|trusted| (&trusted.issuer, &trusted.audience));
        f.debug_map().entries(issuers).finish()
    }
}

impl Fault for InvalidToken {
    fn class(&self) -> FaultClass {
        FaultClass::Unauthenticated
    }

    fn reason(&self) -> &'static str {
        "UNAUTHENTICATED"
    }
}
