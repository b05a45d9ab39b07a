//! Free ports that stay the platform's own while it is killed and started again.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// Below what the system hands to outgoing connections, so that none of those takes a stopped platform's port.
const FIRST: u32 = 20_000;
const COUNT: u32 = 12_000;

static TAKEN: AtomicU32 = AtomicU32::new(0);

/// A loopback address that nobody listens on and that no other test of this process was given.
///
/// # Panics
/// When no port is free.
pub(crate) fn free_address() -> SocketAddr {
    // Test processes that run at the same time begin at different places.
    let start = std::process::id().wrapping_mul(97);
    for _ in 0..COUNT {
        let place = start.wrapping_add(TAKEN.fetch_add(1, Ordering::SeqCst)) % COUNT;
        let port = u16::try_from(FIRST + place).unwrap_or_default();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
    panic!("no free port from {FIRST} on");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_is_given_twice() {
        let (first, second) = (free_address(), free_address());
        assert_ne!(first, second);
        assert!(TcpListener::bind(first).is_ok());
    }
}
