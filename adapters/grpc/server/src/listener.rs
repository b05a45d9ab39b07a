//! Lets TCP connections in: not too many, none that stays silent, and without spinning when the
//! process is out of file descriptors (reliability.md F3, F5). For gRPC and for HTTP alike, with TLS or without.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, select};
use tls_certificates::{Acceptor, Protocol, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::{Connected, TcpConnectInfo};

use crate::limits::{ACCEPT_BACK_OFF, CONNECTIONS_MAX, FIRST_BYTES_DEADLINE, H2_FIRST_BYTES};

/// What a listener asks of its connections.
#[derive(Debug, Clone, Copy)]
pub struct ListenerSettings {
    /// The most open connections; further ones wait in the kernel's queue.
    pub connections_max: usize,
    /// How many bytes a connection must send to be taken seriously.
    pub first_bytes: usize,
    /// How long it may take to send them.
    pub first_bytes_deadline: Duration,
}

/// A bound port.
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    address: SocketAddr,
    settings: ListenerSettings,
    acceptor: Acceptor,
    slots: Arc<Semaphore>,
    cut: CancellationToken,
}

/// A connection that was let in. Reading from it fails when its first bytes stay out, and when the
/// listener's connections are cut.
pub struct Connection {
    stream: Stream,
    received: usize,
    awaited: usize,
    silence: Option<BoxFuture<'static, ()>>,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    _slot: Option<OwnedSemaphorePermit>,
}

impl ListenerSettings {
    /// For gRPC: a client must show the HTTP/2 preface.
    #[must_use]
    pub const fn grpc() -> Self {
        Self {
            connections_max: CONNECTIONS_MAX,
            first_bytes: H2_FIRST_BYTES,
            first_bytes_deadline: FIRST_BYTES_DEADLINE,
        }
    }

    /// For HTTP: a client must say something; the rest is the header deadline's business.
    #[must_use]
    pub const fn http() -> Self {
        Self { first_bytes: 1, ..Self::grpc() }
    }
}

impl Listener {
    /// Binds the port, without TLS. Nothing is accepted before somebody asks.
    ///
    /// # Errors
    /// What the system says: the port is taken, the address is not ours.
    pub async fn bind(address: SocketAddr, settings: ListenerSettings) -> io::Result<Self> {
        let tcp = TcpListener::bind(address).await?;
        Ok(Self {
            address: tcp.local_addr()?,
            tcp,
            settings,
            acceptor: Acceptor::plain(Protocol::Grpc),
            slots: Arc::new(Semaphore::new(settings.connections_max)),
            cut: CancellationToken::new(),
        })
    }

    /// The same port, on which connections begin as this acceptor has them begin.
    #[must_use]
    pub fn accepting(self, acceptor: Acceptor) -> Self {
        Self { acceptor, ..self }
    }

    /// Where it listens, with the port the system chose if it was asked to.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cancelling this ends every connection at once.
    #[must_use]
    pub fn cut(&self) -> CancellationToken {
        self.cut.clone()
    }

    /// The next connection. One that has not yet sent its first bytes ends when `stopping` is
    /// cancelled: it would keep the server from stopping and nobody waits for it.
    pub async fn accept(&self, stopping: &CancellationToken) -> Connection {
        // The semaphore is never closed; without a slot there would be no limit, but also no harm.
        let slot = Arc::clone(&self.slots).acquire_owned().await.ok();
        let tcp = self.accept_tcp().await;
        let deadline = tokio::time::sleep(self.settings.first_bytes_deadline);
        let stop = stopping.clone().cancelled_owned();
        Connection {
            stream: self.acceptor.accept(tcp),
            received: 0,
            awaited: self.settings.first_bytes,
            silence: Some(select(Box::pin(deadline), Box::pin(stop)).map(|_| ()).boxed()),
            cut: Box::pin(self.cut.clone().cancelled_owned()),
            _slot: slot,
        }
    }

    /// The same as a stream, which does not end.
    pub fn incoming(
        self,
        stopping: CancellationToken,
    ) -> impl futures::Stream<Item = io::Result<Connection>> + Send {
        futures::stream::unfold((self, stopping), |(listener, stopping)| async move {
            let connection = listener.accept(&stopping).await;
            Some((Ok(connection), (listener, stopping)))
        })
    }

    async fn accept_tcp(&self) -> TcpStream {
        loop {
            match self.tcp.accept().await {
                Ok((tcp, _)) => return tcp,
                Err(error) if is_the_clients(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, address = %self.address, "cannot accept connections");
                    tokio::time::sleep(ACCEPT_BACK_OFF).await;
                }
            }
        }
    }
}

/// The client left before it was accepted; the next one may be waiting.
fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    [ConnectionAborted, ConnectionReset, Interrupted].contains(&error.kind())
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        let (local_addr, remote_addr) = (self.stream.local_addr(), self.stream.peer_addr());
        TcpConnectInfo { local_addr, remote_addr }
    }
}

impl Connection {
    /// Pending, until its first bytes have stayed out for too long.
    fn poll_silence<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        let Some(silence) = &mut self.silence else { return Poll::Pending };
        ready!(silence.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let before = buffer.filled().len();
        if Pin::new(&mut self.stream).poll_read(cx, buffer)?.is_ready() {
            self.received = self.received.saturating_add(buffer.filled().len() - before);
            if self.received >= self.awaited {
                self.silence = None;
            }
            return Poll::Ready(Ok(()));
        }
        self.poll_silence(cx)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        // Over TLS the first writes wait for the client's handshake.
        match Pin::new(&mut self.stream).poll_write(cx, bytes) {
            Poll::Pending => self.poll_silence(cx),
            done @ Poll::Ready(_) => done,
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // Over TLS the first writes wait for the client's handshake.
        match Pin::new(&mut self.stream).poll_write_vectored(cx, slices) {
            Poll::Pending => self.poll_silence(cx),
            done @ Poll::Ready(_) => done,
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Over TLS the first writes wait for the client's handshake.
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Pending => self.poll_silence(cx),
            done @ Poll::Ready(_) => done,
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
