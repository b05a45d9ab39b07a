//! Where a server's replicas are, as an operator writes it.

use std::fmt;
use std::str::FromStr;

use http::uri::Authority;

use crate::limits::NAMES_MAX;

/// Where a server's replicas are: `http://ticket:50051`, whose name may stand for many addresses, or
/// several of them separated by commas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerAddresses(Vec<String>);

impl PeerAddresses {
    /// Each as `host:port`.
    pub(crate) fn names(&self) -> &[String] {
        &self.0
    }
}

impl FromStr for PeerAddresses {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = text.split(',').map(name).collect::<Result<Vec<_>, _>>()?;
        if names.len() > NAMES_MAX {
            return Err(format!("at most {NAMES_MAX} addresses; one name may stand for many"));
        }
        Ok(Self(names))
    }
}

/// `http://ticket:50051,http://[::1]:50052`
impl fmt::Display for PeerAddresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, name) in self.0.iter().enumerate() {
            write!(f, "{}http://{name}", if nth == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

fn name(text: &str) -> Result<String, String> {
    const RIGHT: &str = "write http://host:port, and commas between several";
    let text = text.trim();
    let wrong = |what: &str| format!("`{text}` {what}; {RIGHT}");
    if text.starts_with("https://") {
        return Err(wrong("asks for TLS, which our servers do not speak to each other"));
    }
    let place = text.strip_prefix("http://").unwrap_or(text);
    let place = place.strip_suffix('/').unwrap_or(place);
    let place: Authority = place.parse().map_err(|_| wrong("is no address"))?;
    if place.host().is_empty() || place.as_str().contains('@') {
        return Err(wrong("names no host"));
    }
    match place.port_u16() {
        None | Some(0) => Err(wrong("names no port")),
        Some(port) => Ok(format!("{}:{port}", place.host())),
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
        ] {
            let addresses: PeerAddresses = text.parse().expect(text);
            assert_eq!(addresses.to_string(), shown);
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
            ("https://ticket:443", "asks for TLS"),
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
