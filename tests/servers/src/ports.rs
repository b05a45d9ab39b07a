//! Free ports that stay a server's own while it is killed and started again.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// Below what the system hands to outgoing connections, so that none of those takes a stopped server's port.
const FIRST: u32 = 20_000;
const COUNT: u32 = 12_000;

static TAKEN: AtomicU32 = AtomicU32::new(0);

/// A loopback address that nobody listens on and that nobody else in this process was given.
///
/// # Errors
/// When no port is free.
pub fn free_address() -> Result<SocketAddr, String> {
    // Test processes that run at the same time begin at different places.
    let start = std::process::id().wrapping_mul(97);
    for _ in 0..COUNT {
        let place = start.wrapping_add(TAKEN.fetch_add(1, Ordering::SeqCst)) % COUNT;
        let port = u16::try_from(FIRST + place).unwrap_or_default();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    Err(format!("no port from {FIRST} on is free"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_is_given_twice() {
        let (first, second) = (free_address().unwrap(), free_address().unwrap());
        assert_ne!(first, second);
        assert!(TcpListener::bind(first).is_ok());
    }
}
