//! Where an issuer is: what tokens name as `iss`, letter by letter.

use std::fmt;
use std::str::FromStr;

use http::Uri;
use https_client::is_safe;

const DOCUMENT: &str = ".well-known/openid-configuration";

/// An issuer's address, which is its name too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerAddress {
    name: String,
    document: Uri,
}

impl IssuerAddress {
    /// What its tokens say as `iss`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn document(&self) -> Uri {
        self.document.clone()
    }
}

impl FromStr for IssuerAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rule = || {
            "must be https://host/path, or http:// at this machine, and nothing after it".to_owned()
        };
        let own: Uri = text.parse().map_err(|_| rule())?;
        let document: Uri =
            format!("{}/{DOCUMENT}", text.trim_end_matches('/')).parse().map_err(|_| rule())?;
        let bare = own.query().is_none() && !text.contains('#');
        if is_safe(&own) && bare {
            Ok(Self { name: text.to_owned(), document })
        } else {
            Err(rule())
        }
    }
}

impl fmt::Display for IssuerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_asked_over_tls_or_at_this_machine() {
        for (text, document) in [
            ("https://id.test", "https://id.test/.well-known/openid-configuration"),
            ("https://id.test/", "https://id.test/.well-known/openid-configuration"),
            (
                "https://id.test/realms/a",
                "https://id.test/realms/a/.well-known/openid-configuration",
            ),
            ("http://127.0.0.1:9", "http://127.0.0.1:9/.well-known/openid-configuration"),
            ("http://localhost:9", "http://localhost:9/.well-known/openid-configuration"),
        ] {
            let address: IssuerAddress = text.parse().expect(text);
            assert_eq!((address.name(), address.document().to_string().as_str()), (text, document));
        }
        for wrong in [
            "",
            "id.test",
            "http://id.test",
            "ftp://id.test",
            "https://me:pw@id.test",
            "https://id.test?a=b",
            "https://id.test#a",
            "https://",
        ] {
            assert!(wrong.parse::<IssuerAddress>().is_err(), "{wrong}");
        }
    }
}
