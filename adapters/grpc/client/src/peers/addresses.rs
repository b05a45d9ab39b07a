//! Where a server's replicas are, as an operator writes it.

use std::fmt;
use std::str::FromStr;

use http::uri::Authority;

use crate::limits::NAMES_MAX;

/// Where a server's replicas are: `http://ticket:50051`, whose name may stand for many addresses, or
/// several of them separated by commas. `https://` asks for TLS; a certificate is of the name that stands here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerAddresses {
    names: Vec<String>,
    tls: bool,
}

const PLAIN: &str = "http://";
const TLS: &str = "https://";

impl PeerAddresses {
    /// Each as `host:port`.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether they are to be called over TLS.
    #[must_use]
    pub const fn ask_for_tls(&self) -> bool {
        self.tls
    }
}

impl FromStr for PeerAddresses {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = text.split(',').map(name).collect::<Result<Vec<_>, _>>()?;
        if names.len() > NAMES_MAX {
            return Err(format!("at most {NAMES_MAX} addresses; one name may stand for many"));
        }
        let tls = names.iter().filter(|(tls, _)| *tls).count();
        if tls > 0 && tls < names.len() {
            return Err(
                "some ask for TLS and some do not; write https:// for all or for none".to_owned()
            );
        }
        Ok(Self { names: names.into_iter().map(|(_, name)| name).collect(), tls: tls > 0 })
    }
}

/// `http://ticket:50051,http://[::1]:50052`
impl fmt::Display for PeerAddresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { TLS } else { PLAIN };
        for (nth, name) in self.names.iter().enumerate() {
            write!(f, "{}{scheme}{name}", if nth == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

/// Whether it asks for TLS, and its `host:port`.
fn name(text: &str) -> Result<(bool, String), String> {
    const RIGHT: &str = "write http://host:port or https://host:port, and commas between several";
    let text = text.trim();
    let wrong = |what: &str| format!("`{text}` {what}; {RIGHT}");
    let (tls, place) = match text.strip_prefix(TLS) {
        Some(place) => (true, place),
        None => (false, text.strip_prefix(PLAIN).unwrap_or(text)),
    };
    let place = place.strip_suffix('/').unwrap_or(place);
    let place: Authority = place.parse().map_err(|_| wrong("is no address"))?;
    if place.host().is_empty() || place.as_str().contains('@') {
        return Err(wrong("names no host"));
    }
    match place.port_u16() {
        None | Some(0) => Err(wrong("names no port")),
        Some(port) => Ok((tls, format!("{}:{port}", place.host()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for (text, shown) in [
            ("http://ticket:50051", "http://ticket:50051"),
            ("ticket:50051", "http://ticket:50051"),
            ("http://ticket:50051/", "http://ticket:50051"),
            ("http://a:1, b:2,127.0.0.1:3", "http://a:1,http://b:2,http://127.0.0.1:3"),
            ("http://[::1]:50051", "http://[::1]:50051"),
            ("https://ticket:50051", "https://ticket:50051"),
            ("https://a:1,https://b:2", "https://a:1,https://b:2"),
        ] {
            let addresses: PeerAddresses = text.parse().expect(text);
            assert_eq!(addresses.to_string(), shown);
            assert_eq!(addresses.ask_for_tls(), shown.starts_with("https"));
            assert_eq!(shown.parse(), Ok(addresses), "what is shown can be read");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_what_would_be_right() {
        let many = vec!["a:1"; NAMES_MAX + 1].join(",");
        for (text, says) in [
            ("", "is no address"),
            ("ticket", "names no port"),
            ("http://ticket", "names no port"),
            ("ticket:0", "names no port"),
            ("ticket:70000", "names no port"),
            ("https://ticket", "names no port"),
            ("https://a:1,http://b:2", "some ask for TLS"),
            ("http://ticket:1/path", "is no address"),
            ("http://me@ticket:1", "names no host"),
            (":50051", "names no host"),
            ("grpc://ticket:1", "is no address"),
            ("a:1,,b:2", "is no address"),
            (&many, "at most 64"),
        ] {
            let said = text.parse::<PeerAddresses>().expect_err(text);
            assert!(said.contains(says), "{text}: {said}");
        }
    }
}
