//! What the provider is set to, checked.

use std::fmt;

use http::uri::Uri;
use http::{HeaderValue, header::InvalidHeaderValue};
use https_client::is_safe;

/// Where Stripe is, and as whom it is asked. Shows itself without the key.
#[derive(Clone)]
pub struct StripeSettings {
    api_base: String,
    authorization: HeaderValue,
}

/// A setting that makes no sense. What is wrong is not repeated: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} {rule}")]
pub struct InvalidSetting {
    /// The setting's name in the environment.
    pub name: &'static str,
    /// What it has to be.
    pub rule: &'static str,
}

impl StripeSettings {
    /// Asks at this address, `https://api.stripe.com`, with this secret key.
    ///
    /// # Errors
    /// [`InvalidSetting`], naming the variable.
    pub fn new(api_base: &str, api_key: &str) -> Result<Self, InvalidSetting> {
        let api_base = checked_base(api_base).ok_or(InvalidSetting {
            name: "STRIPE_API_BASE",
            rule: "must be https://host, or http://host of this machine, and nothing after it",
        })?;
        let authorization = bearer(api_key).ok_or(InvalidSetting {
            name: "STRIPE_API_KEY",
            rule: "must be a secret or restricted key, sk_… or rk_…",
        })?;
        Ok(Self { api_base, authorization })
    }

    /// The address without a slash at its end.
    pub(crate) fn api_base(&self) -> &str {
        &self.api_base
    }

    pub(crate) fn authorization(&self) -> HeaderValue {
        self.authorization.clone()
    }
}

impl fmt::Debug for StripeSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StripeSettings").field("api_base", &self.api_base).finish_non_exhaustive()
    }
}

/// The key goes with every request, so it goes over TLS or does not leave the machine.
fn checked_base(text: &str) -> Option<String> {
    let uri: Uri = text.parse().ok()?;
    let bare = uri.path() == "/" && uri.query().is_none();
    (is_safe(&uri) && bare).then(|| text.trim_end_matches('/').to_owned())
}

fn bearer(api_key: &str) -> Option<HeaderValue> {
    let secret = ["sk_", "rk_"].iter().any(|kind| api_key.starts_with(kind));
    let plain = api_key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !secret || !plain || api_key.len() < 8 {
        return None;
    }
    let header: Result<_, InvalidHeaderValue> = format!("Bearer {api_key}").try_into();
    let mut header: HeaderValue = header.ok()?;
    header.set_sensitive(true);
    Some(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_settings_are_refused_by_name_and_never_repeated() {
        let refused = |base, key| StripeSettings::new(base, key).expect_err("nonsense");
        for base in [
            "",
            "api.stripe.com",
            "ftp://api.stripe.com",
            "http://api.stripe.com",
            "http://10.0.0.1:8420",
            "https://api.stripe.com/v1",
            "https://api.stripe.com?key=1",
            "https://sk_live_secret@api.stripe.com",
        ] {
            let wrong = refused(base, "sk_test_12345");
            assert_eq!(wrong.name, "STRIPE_API_BASE", "{base}");
            assert!(!wrong.to_string().contains("secret"));
        }
        for key in ["", "sk_", "pk_test_12345", "sk_test_12 45", "sk_test_12345\n", "whsec_12345"] {
            let wrong = refused("https://api.stripe.com", key);
            assert_eq!(wrong.name, "STRIPE_API_KEY", "{key}");
            assert!(!wrong.to_string().contains("12345"));
        }
    }

    #[test]
    fn the_key_is_shown_to_nobody() {
        for base in [
            "https://api.stripe.com/",
            "http://127.0.0.1:1",
            "http://[::1]:1",
            "http://localhost:1",
        ] {
            let settings = StripeSettings::new(base, "rk_live_12345").expect("sound");
            assert!(!settings.api_base().ends_with('/'));
            assert!(!format!("{settings:?} {:?}", settings.authorization()).contains("12345"));
        }
    }
}
