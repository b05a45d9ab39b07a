//! What an issuer says of itself (OpenID Connect Discovery 1.0, section 3), as far as it is used here.

use http::Uri;
use https_client::is_safe;
use serde::Deserialize;

use crate::{IssuerAddress, OidcError};

#[derive(Debug, Deserialize)]
pub(crate) struct Document {
    issuer: String,
    jwks_uri: Option<String>,
    token_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

impl Document {
    /// Whether it is of who was asked. Otherwise one issuer could speak for another (section 4.3).
    pub(crate) fn is_of(&self, address: &IssuerAddress) -> bool {
        self.issuer == address.name()
    }

    pub(crate) fn keys(&self) -> Result<Uri, OidcError> {
        safe(self.jwks_uri.as_deref()).ok_or(OidcError::Document("names no safe jwks_uri"))
    }

    pub(crate) fn token_endpoint(&self) -> Result<Uri, OidcError> {
        safe(self.token_endpoint.as_deref())
            .ok_or(OidcError::Document("names no safe token_endpoint"))
    }

    /// Whether a client may name itself in a header, which is so where nothing is said.
    pub(crate) fn takes_basic(&self) -> bool {
        let methods = self.token_endpoint_auth_methods_supported.as_deref();
        methods.is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic"))
    }
}

fn safe(uri: Option<&str>) -> Option<Uri> {
    uri?.parse().ok().filter(is_safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_issuer_itself_says_safely_is_used() {
        let read = |text: &str| serde_json::from_str::<Document>(text).expect("a document");
        let here: IssuerAddress = "https://id.test".parse().expect("an address");
        let plain = read(r#"{"issuer":"https://id.test","jwks_uri":"http://id.test/keys"}"#);
        assert!(plain.is_of(&here) && plain.takes_basic());
        assert!(plain.keys().is_err() && plain.token_endpoint().is_err());
        let other = read(
            r#"{"issuer":"https://id.test/","jwks_uri":"https://keys.test/a","token_endpoint":"https://id.test/t",
                "token_endpoint_auth_methods_supported":["client_secret_post"]}"#,
        );
        assert!(!other.is_of(&here), "letter by letter");
        assert!(other.keys().is_ok() && other.token_endpoint().is_ok() && !other.takes_basic());
    }
}
