//! The development issuer's public key, for tests that misuse it.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, EncodingKey};

/// The 32 bytes that belong to the private key in this PEM file.
///
/// # Panics
/// When the file holds no Ed25519 key.
pub(crate) fn public_key_of(path: &Path) -> Vec<u8> {
    let pem =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let private =
        STANDARD.decode(body).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let key = EncodingKey::from_ed_der(&private);
    let public = Jwk::from_encoding_key(&key, Algorithm::EdDSA);
    let public = public.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let AlgorithmParameters::OctetKeyPair(pair) = public.algorithm else {
        panic!("{} is no Ed25519 key", path.display());
    };
    URL_SAFE_NO_PAD.decode(pair.x).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
