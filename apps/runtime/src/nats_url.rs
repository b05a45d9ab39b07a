//! Where the bus is.

use std::fmt;
use std::str::FromStr;

/// The address of NATS: `nats://user:password@host:port` or `tls://…`, or several of one cluster
/// separated by commas. Shows itself without passwords.
#[derive(Clone, PartialEq, Eq)]
pub struct NatsUrl(String);

impl NatsUrl {
    /// The whole address, password and all.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl FromStr for NatsUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let sound = |url: &str| {
            let (scheme, rest) = url.split_once("://")?;
            let server = rest.rsplit_once('@').map_or(rest, |(_user, server)| server);
            let host = match server.rsplit_once(':') {
                Some((host, port)) => port.parse::<u16>().is_ok().then_some(host)?,
                None => server,
            };
            let plain = |c: char| !c.is_whitespace() && !"/?#@".contains(c);
            (["nats", "tls"].contains(&scheme) && !host.is_empty() && host.chars().all(plain))
                .then_some(())
        };
        match text.split(',').all(|url| sound(url).is_some()) {
            true => Ok(Self(text.to_owned())),
            false => Err("must be nats://host:port or tls://host:port".to_owned()),
        }
    }
}

impl fmt::Display for NatsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.split(',').map(|url| {
            let (scheme, rest) = url.split_once("://").unwrap_or_default();
            let server = rest.rsplit_once('@').map_or(rest, |(_secret, server)| server);
            format!("{scheme}://{server}")
        });
        f.write_str(&shown.collect::<Vec<_>>().join(","))
    }
}

impl fmt::Debug for NatsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_and_tokens_are_never_shown() {
        let url: NatsUrl = "nats://box:secret@a:4222,tls://secret@b".parse().expect("two servers");
        assert_eq!(format!("{url} {url:?}"), "nats://a:4222,tls://b nats://a:4222,tls://b");
        assert!(url.secret().contains("secret"));
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        for wrong in [
            "",
            "secret",
            "nats://",
            "http://secret@a",
            "nats://a:port",
            "nats://a/secret",
            "nats://a,",
        ] {
            let error = wrong.parse::<NatsUrl>().expect_err(wrong);
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
