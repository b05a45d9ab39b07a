//! What a server of ours shows an issuer to get a token.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use form_urlencoded::{Serializer, byte_serialize};
use http::HeaderValue;

/// A client's name and secret, and what its tokens are for. Shows itself without the secret.
#[derive(Clone)]
pub struct Credentials {
    /// The client's name.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// For whom the tokens are. Some issuers want to be told, others pass over it.
    pub audience: String,
    /// What it asks for, where the issuer wants to be told.
    pub scope: Option<String>,
}

impl Credentials {
    /// The header and the form that ask for a token; the secret is in either of them.
    pub(crate) fn request(&self, basic: bool) -> (Option<HeaderValue>, String) {
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        form.append_pair("audience", &self.audience);
        if let Some(scope) = &self.scope {
            form.append_pair("scope", scope);
        }
        let header = basic.then(|| self.basic()).flatten();
        if header.is_none() {
            form.append_pair("client_id", &self.client_id);
            form.append_pair("client_secret", &self.client_secret);
        }
        (header, form.finish())
    }

    /// RFC 6749, section 2.3.1: each encoded as in a form before they are joined.
    fn basic(&self) -> Option<HeaderValue> {
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!("{}:{}", encoded(&self.client_id), encoded(&self.client_secret));
        let mut header = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair))).ok()?;
        header.set_sensitive(true);
        Some(header)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_in_the_header_or_in_the_form_and_shown_nowhere() {
        let credentials = Credentials {
            client_id: "a b".to_owned(),
            client_secret: "s:cret".to_owned(),
            audience: "boxoffice".to_owned(),
            scope: None,
        };
        let (header, form) = credentials.request(true);
        let header = header.expect("a header");
        assert_eq!(header.to_str().expect("text"), "Basic YStiOnMlM0FjcmV0");
        assert_eq!(form, "grant_type=client_credentials&audience=boxoffice");
        assert!(!format!("{credentials:?} {header:?}").contains("cret"));
        let scoped = Credentials { scope: Some("x y".to_owned()), ..credentials };
        let (header, form) = scoped.request(false);
        assert!(header.is_none());
        assert!(form.ends_with("scope=x+y&client_id=a+b&client_secret=s%3Acret"), "{form}");
    }
}
