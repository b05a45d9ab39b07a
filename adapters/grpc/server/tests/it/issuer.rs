//! An identity provider for tests: one key of each kind, and any token anybody could think of.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use grpc_server::Verifier;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use serde_json::{Value, json};

/// The issuer whose tokens the tests trust.
pub(crate) const ISSUER: &str = "https://id.test";
/// For whom its tokens are.
pub(crate) const AUDIENCE: &str = "boxoffice";

/// A signing key with its public half.
pub(crate) struct Key {
    pub(crate) id: &'static str,
    pub(crate) algorithm: Algorithm,
    pub(crate) private: EncodingKey,
    pub(crate) public: Jwk,
}

impl Key {
    pub(crate) fn ed25519(id: &'static str, seed: u8) -> Self {
        let mut der = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
        der.extend_from_slice(&[seed; 32]);
        Self::new(id, Algorithm::EdDSA, EncodingKey::from_ed_der(&der))
    }

    pub(crate) fn p256(id: &'static str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let der = pair.to_pkcs8v1().expect("encodes");
        Self::new(id, Algorithm::ES256, EncodingKey::from_ec_der(der.as_ref()))
    }

    pub(crate) fn rsa(id: &'static str) -> Self {
        let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).expect("a key");
        let der: Pkcs8V1Der<'_> = pair.as_der().expect("encodes");
        let body = STANDARD.encode(der.as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
        Self::new(id, Algorithm::RS256, EncodingKey::from_rsa_pem(pem.as_bytes()).expect("a key"))
    }

    fn new(id: &'static str, algorithm: Algorithm, private: EncodingKey) -> Self {
        let mut public = Jwk::from_encoding_key(&private, algorithm).expect("a public key");
        public.common.key_id = Some(id.to_owned());
        Self { id, algorithm, private, public }
    }

    pub(crate) fn header(&self) -> Header {
        Header { kid: Some(self.id.to_owned()), ..Header::new(self.algorithm) }
    }

    /// A token with these claims.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        encode(&self.header(), claims, &self.private).expect("signs")
    }
}

/// The claims of a good token: buyer alice for the next minute.
pub(crate) fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "roles": ["buyer"], "locale": "ko-KR",
        "exp": get_current_timestamp() + 60,
    })
}

/// The claims of a good token with one of them replaced, or taken away by null.
pub(crate) fn claims_but(name: &str, value: Value) -> Value {
    let mut claims = claims();
    let all = claims.as_object_mut().expect("an object");
    if value.is_null() {
        all.remove(name)
    } else {
        all.insert(name.to_owned(), value)
    };
    claims
}

/// A token put together by hand, for what no library signs.
pub(crate) fn by_hand(header: &Value, claims: &Value, signature: &[u8]) -> String {
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let (header, claims) = (header.to_string(), claims.to_string());
    format!("{}.{}.{}", part(header.as_bytes()), part(claims.as_bytes()), part(signature))
}

pub(crate) fn jwks(keys: &[&Key]) -> String {
    let set = JwkSet { keys: keys.iter().map(|key| key.public.clone()).collect() };
    serde_json::to_string(&set).expect("encodes")
}

pub(crate) fn verifier(keys: &[&Key]) -> Verifier {
    Verifier::new(ISSUER, AUDIENCE, &jwks(keys)).expect("keys to use")
}
