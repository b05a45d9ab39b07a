//! The bytes of an accepted connection, encrypted or not.

use std::future::Future;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tokio_rustls::Accept;
use tokio_rustls::server::TlsStream;

use crate::limits::CLOSE_DEADLINE;

/// An accepted connection. Over TLS its handshake is part of the first reads and writes.
pub struct Stream {
    state: State,
    local: Option<SocketAddr>,
    peer: Option<SocketAddr>,
    closing: Option<Pin<Box<Sleep>>>,
}

enum State {
    Plain(TcpStream),
    Handshake(Box<Accept<TcpStream>>),
    Tls(Box<TlsStream<TcpStream>>),
    /// The handshake failed. The client has been told why, as far as TLS has words for it.
    Broken,
}

impl Stream {
    pub(crate) fn plain(tcp: TcpStream) -> Self {
        let (local, peer) = (tcp.local_addr().ok(), tcp.peer_addr().ok());
        Self { state: State::Plain(tcp), local, peer, closing: None }
    }

    pub(crate) fn tls(tcp: TcpStream, accept: impl FnOnce(TcpStream) -> Accept<TcpStream>) -> Self {
        let (local, peer) = (tcp.local_addr().ok(), tcp.peer_addr().ok());
        Self { state: State::Handshake(Box::new(accept(tcp))), local, peer, closing: None }
    }

    /// Our end.
    #[must_use]
    pub const fn local_addr(&self) -> Option<SocketAddr> {
        self.local
    }

    /// The client's end.
    #[must_use]
    pub const fn peer_addr(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// What bytes go through once both sides have agreed on how.
    fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Open<'_>>> {
        if let State::Handshake(accept) = &mut self.state {
            match ready!(Pin::new(accept.as_mut()).poll(context)) {
                Ok(tls) => self.state = State::Tls(Box::new(tls)),
                Err(error) => {
                    self.state = State::Broken;
                    return Poll::Ready(Err(error));
                }
            }
        }
        Poll::Ready(match &mut self.state {
            State::Plain(tcp) => Ok(Open::Plain(tcp)),
            State::Tls(tls) => Ok(Open::Tls(tls)),
            State::Handshake(_) | State::Broken => Err(io::ErrorKind::NotConnected.into()),
        })
    }
}

enum Open<'a> {
    Plain(&'a mut TcpStream),
    Tls(&'a mut TlsStream<TcpStream>),
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match ready!(self.poll_open(context))? {
            Open::Plain(tcp) => Pin::new(tcp).poll_read(context, buffer),
            Open::Tls(tls) => Pin::new(tls).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match ready!(self.poll_open(context))? {
            Open::Plain(tcp) => Pin::new(tcp).poll_write(context, bytes),
            Open::Tls(tls) => Pin::new(tls).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match ready!(self.poll_open(context))? {
            Open::Plain(tcp) => Pin::new(tcp).poll_write_vectored(context, slices),
            Open::Tls(tls) => Pin::new(tls).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        // Both are.
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match ready!(self.poll_open(context))? {
            Open::Plain(tcp) => Pin::new(tcp).poll_flush(context),
            Open::Tls(tls) => Pin::new(tls).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.state {
            State::Plain(tcp) => return Pin::new(tcp).poll_shutdown(context),
            State::Tls(tls) => {
                let closed = Pin::new(tls.as_mut()).poll_shutdown(context);
                if closed.is_ready() {
                    return closed;
                }
            }
            // There is nobody to say goodbye to.
            State::Handshake(_) | State::Broken => return Poll::Ready(Ok(())),
        }
        let closing = self.closing.get_or_insert_with(|| Box::pin(sleep(CLOSE_DEADLINE)));
        ready!(closing.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}
