//! Whose call it is where nobody says who calls: the address of whoever is the last before our own proxies.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::IpNet;

/// Those whose word counts about whom they pass calls on for: networks such as `10.0.0.0/8` and addresses, separated by
/// commas, or `none`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxies(Vec<IpNet>);

const NOBODY: &str = "none";

impl FromStr for Proxies {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == NOBODY {
            return Ok(Self(Vec::new()));
        }
        let network = |text: &str| {
            let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            network.map_err(|_| "must be networks such as 10.0.0.0/8 or addresses, or `none`")
        };
        text.split(',').map(str::trim).map(network).collect::<Result<_, _>>().map(Self)
    }
}

impl std::fmt::Display for Proxies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return f.write_str(NOBODY);
        }
        let networks: Vec<_> = self.0.iter().map(IpNet::to_string).collect();
        f.write_str(&networks.join(","))
    }
}

impl Proxies {
    fn has(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Who calls, if it is nobody of our own: `peer` is at the other end of the connection, `forwarded` what the
    /// headers `x-forwarded-for` say, of which each proxy adds at the end whom it heard. What stands before the first
    /// address that is no proxy's anybody may have written.
    #[must_use]
    pub fn caller<'a>(
        &self,
        peer: IpAddr,
        forwarded: impl DoubleEndedIterator<Item = &'a str>,
    ) -> Option<IpAddr> {
        let peer = peer.to_canonical();
        if !self.has(peer) {
            return Some(peer);
        }
        let mut named = forwarded.rev().flat_map(|header| header.rsplit(',')).map(str::trim);
        // What is no address ends what can be trusted; so does the end of the list.
        named.by_ref().map_while(address).find(|address| !self.has(*address))
    }
}

/// An address as proxies write it: some with the port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = || text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    bare().or_else(with_port).or_else(in_brackets).map(|address| address.to_canonical())
}

/// What shares a bucket: an address of version 4, or the network of 64 bits that one subscriber has of version 6.
#[must_use]
pub const fn bucket_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)))
        }
    }
}

impl Default for Proxies {
    /// Private networks and this machine: whoever reaches us from there passes others' calls on, or is one of us.
    fn default() -> Self {
        let v4 = [
            ([10, 0, 0, 0], 8),
            ([172, 16, 0, 0], 12),
            ([192, 168, 0, 0], 16),
            ([127, 0, 0, 0], 8),
        ];
        let v4 = v4.map(|(octets, prefix)| IpNet::new(Ipv4Addr::from(octets).into(), prefix));
        let v6 = [(Ipv6Addr::LOCALHOST, 128), (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7)];
        let v6 = v6.map(|(address, prefix)| IpNet::new(address.into(), prefix));
        Self(v4.into_iter().chain(v6).flatten().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn the_last_who_is_no_proxy_of_ours_calls() {
        let ours = Proxies::default();
        for (peer, forwarded, caller) in [
            ("203.0.113.9", &["198.51.100.1"][..], Some("203.0.113.9")),
            ("10.1.2.3", &["198.51.100.1"], Some("198.51.100.1")),
            ("10.1.2.3", &["1.1.1.1, 198.51.100.1, 192.168.0.7"], Some("198.51.100.1")),
            ("10.1.2.3", &["1.1.1.1", "198.51.100.1:443"], Some("198.51.100.1")),
            ("::ffff:10.1.2.3", &["[2001:db8::1]:80"], Some("2001:db8::1")),
            ("::1", &["[2001:db8::1]"], Some("2001:db8::1")),
            ("10.1.2.3", &["198.51.100.1, nonsense"], None),
            ("10.1.2.3", &["10.0.0.1"], None),
            ("127.0.0.1", &[], None),
            ("::ffff:203.0.113.9", &[], Some("203.0.113.9")),
        ] {
            let found = ours.caller(ip(peer), forwarded.iter().copied());
            assert_eq!(found, caller.map(ip), "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn a_subscriber_has_one_bucket() {
        assert_eq!(bucket_of(ip("2001:db8:1:2:3::4")), ip("2001:db8:1:2::"));
        assert_eq!(bucket_of(ip("203.0.113.9")), ip("203.0.113.9"));
    }

    #[test]
    fn proxies_are_read_as_they_are_written() {
        for (text, shown) in [
            ("10.0.0.0/8, fd00::/8", "10.0.0.0/8,fd00::/8"),
            ("203.0.113.9", "203.0.113.9/32"),
            ("none", "none"),
        ] {
            let proxies: Proxies = text.parse().expect(text);
            assert_eq!(proxies.to_string(), shown);
            assert_eq!(shown.parse(), Ok(proxies));
        }
        for text in ["", ",", "10.0.0.0/33", "a.example", "none,10.0.0.0/8"] {
            assert!(text.parse::<Proxies>().is_err(), "{text}");
        }
        let nobody: Proxies = "none".parse().expect("a word");
        let named = ["198.51.100.1"];
        let caller = nobody.caller(ip("127.0.0.1"), named.into_iter());
        assert_eq!(caller, Some(ip("127.0.0.1")), "whoever is named");
    }
}
