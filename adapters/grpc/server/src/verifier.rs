//! Verifies bearer tokens against the issuer's keys. What a token says of itself decides nothing:
//! the algorithm is the key's, the key is ours (reliability.md, matrix row 22).

mod claims;
mod known;
mod rotation;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse,
};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use kernel::{Caller, Fault, FaultClass, Role};
use serde::Deserialize;

use self::claims::Claims;
pub use self::claims::{ClaimNames, ClaimPath, RoleNames};
use self::known::Known;
pub use self::rotation::KeyRotation;
use self::rotation::Wishes;
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
    keys: PresentKeys,
    /// Where its keys are fetched: whom to ask for those it does not have yet.
    wishes: Option<Arc<Wishes>>,
    /// Where its tokens say what we ask of them.
    names: Arc<ClaimNames>,
    /// The one role that its tokens may give; any without it.
    only: Option<Role>,
}

/// Whose a token is, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bearer {
    pub(crate) caller: Caller,
    /// The first second since 1970 in which it is good no more, with what clocks may differ by.
    pub(crate) until: u64,
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

type PresentKeys = Arc<RwLock<Arc<Keys>>>;

impl Verifier {
    /// Trusts tokens of this issuer for this audience, signed by a key of this JWKS.
    ///
    /// # Errors
    /// [`InvalidJwks`] when the JWKS cannot be read or has no key to use.
    pub fn new(issuer: &str, audience: &str, jwks: &str) -> Result<Self, InvalidJwks> {
        let keys = Arc::new(RwLock::new(Arc::new(read_keys(jwks)?)));
        Ok(Self::new_to(vec![Trusted::new(issuer, audience, keys)]))
    }

    /// Trusts tokens of this issuer for this audience, signed by a key that was fetched: none before the first time.
    #[must_use]
    pub fn fetching(issuer: &str, audience: &str) -> (Self, KeyRotation) {
        let rotation = KeyRotation::new(PresentKeys::default());
        let mut trusted = Trusted::new(issuer, audience, Arc::clone(&rotation.keys));
        trusted.wishes = Some(Arc::clone(&rotation.wishes));
        (Self::new_to(vec![trusted]), rotation)
    }

    /// Reads the claims of the tokens it trusts by these names.
    #[must_use]
    pub fn reading(mut self, names: ClaimNames) -> Self {
        let names = Arc::new(names);
        for trusted in &mut self.trusted {
            trusted.names = Arc::clone(&names);
        }
        Self::new_to(self.trusted)
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

    /// Who the token's bearer is. A token of a key that nobody knows may wait for the next fetch of its issuer's keys.
    pub(crate) async fn verify_in_time(&self, token: &str) -> Result<Bearer, InvalidToken> {
        match self.bearer(token) {
            Err(InvalidToken::NotValid) => {}
            verified => return verified,
        }
        let wishes = self.wishes_for(token).ok_or(InvalidToken::NotValid)?;
        wishes.next_round().await;
        self.bearer(token)
    }

    /// Whom to ask for the key that a token names, where nobody has it and the token's own issuer fetches keys.
    fn wishes_for(&self, token: &str) -> Option<Arc<Wishes>> {
        let header = decode_header(token).ok().filter(is_access_token)?;
        let (key_id, ours) = (header.kid?, [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA]);
        if !ours.contains(&header.alg) || self.trusted.iter().any(|it| it.key(&key_id).is_some()) {
            return None;
        }
        let issuer = claimed_issuer(token)?;
        let trusted = self.trusted.iter().find(|trusted| *trusted.issuer == *issuer)?;
        trusted.wishes.clone()
    }

    /// Who the token's bearer is, as far as the present keys tell.
    ///
    /// # Errors
    /// [`InvalidToken`].
    pub fn verify(&self, token: &str) -> Result<Caller, InvalidToken> {
        self.bearer(token).map(|bearer| bearer.caller)
    }

    fn bearer(&self, token: &str) -> Result<Bearer, InvalidToken> {
        let are_present =
            |keys: &Arc<Keys>| self.trusted.iter().any(|it| Arc::ptr_eq(&it.present_keys(), keys));
        if let Some(bearer) = self.known.bearer(token, are_present) {
            return Ok(bearer);
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
        let until = whole_seconds(decoded.claims.exp).saturating_add(CLOCK_LEEWAY_SECS + 1);
        let mut caller = decoded.claims.caller(&trusted.names)?;
        caller.roles.retain(|role| trusted.only.is_none_or(|only| *role == only));
        let bearer = Bearer { caller, until };
        self.known.remember(token, bearer.clone(), keys);
        Ok(bearer)
    }
}

impl Trusted {
    fn new(issuer: &str, audience: &str, keys: PresentKeys) -> Self {
        let (issuer, audience) = (issuer.into(), audience.into());
        Self { issuer, audience, keys, wishes: None, names: Arc::default(), only: None }
    }

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

/// The issuer that a token names, which is not to be believed.
fn claimed_issuer(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Claimed {
        iss: String,
    }
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice::<Claimed>(&claims).ok().map(|claimed| claimed.iss)
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
