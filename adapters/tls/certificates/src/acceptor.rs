//! What becomes of an accepted socket: what every one is told, and TLS where there are certificates.

use std::fmt;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::limits::{
    BUFFER_BYTES, KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_RETRIES, UNACKNOWLEDGED,
};
use crate::material::ServerTls;
use crate::stream::Stream;

/// What is spoken on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/2 alone. Callers show a certificate where `TLS_CLIENT_CA_FILE` says who vouches for them.
    Grpc,
    /// HTTP/2 or HTTP/1.1, as the client likes.
    Rest,
    /// HTTP/1.1.
    Http1,
}

/// Makes streams of accepted sockets. Each begins with the certificate that is in use at that time, and keeps it.
#[derive(Clone)]
pub struct Acceptor {
    protocol: Protocol,
    tls: Option<watch::Receiver<ServerTls>>,
}

impl Protocol {
    pub(crate) const fn names(self) -> &'static [&'static [u8]] {
        match self {
            Self::Grpc => &[b"h2"],
            Self::Rest => &[b"h2", b"http/1.1"],
            Self::Http1 => &[b"http/1.1"],
        }
    }
}

impl Acceptor {
    /// Without TLS.
    #[must_use]
    pub const fn plain(protocol: Protocol) -> Self {
        Self { protocol, tls: None }
    }

    pub(crate) const fn new(protocol: Protocol, tls: Option<watch::Receiver<ServerTls>>) -> Self {
        Self { protocol, tls }
    }

    /// The stream of this socket. Its handshake comes to pass as it is read from or written to, so the deadline for
    /// the connection's first bytes holds for it as well.
    #[must_use]
    pub fn accept(&self, tcp: TcpStream) -> Stream {
        if let Err(error) = prepare(&tcp) {
            tracing::debug!(%error, "a connection went away while it was accepted");
        }
        let Some(tls) = &self.tls else { return Stream::plain(tcp) };
        let config = tls.borrow().of(self.protocol);
        let bounded = |session: &mut rustls::ServerConnection| {
            session.set_buffer_limit(Some(BUFFER_BYTES));
        };
        Stream::tls(tcp, |tcp| TlsAcceptor::from(config).accept_with(tcp, bounded))
    }
}

/// Answers go at once, and a client that vanished is found out: HTTP/1.1 has no word for asking it.
fn prepare(tcp: &TcpStream) -> std::io::Result<()> {
    tcp.set_nodelay(true)?;
    let socket = SockRef::from(tcp);
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_RETRIES);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
    Ok(())
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { protocol, tls } = self;
        f.debug_struct("Acceptor").field("protocol", protocol).field("tls", &tls.is_some()).finish()
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_client_that_vanishes_is_asked_about() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let (connected, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (_client, (tcp, _)) = (connected.expect("connects"), accepted.expect("is accepted"));
        prepare(&tcp).expect("a socket");
        let socket = SockRef::from(&tcp);
        assert!(socket.keepalive().expect("known"));
        assert!(tcp.nodelay().expect("known"));
        #[cfg(target_os = "linux")]
        {
            assert_eq!(socket.tcp_keepalive_time().expect("known"), KEEPALIVE_IDLE);
            assert_eq!(socket.tcp_user_timeout().expect("known"), Some(UNACKNOWLEDGED));
        }
    }
}
