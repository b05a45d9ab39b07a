//! A connection that may neither stay silent at its beginning nor refuse to be written to. Over TLS its handshake is part
//! of its beginning. A client that has said all may close its side and still gets its answer, but not one without an end:
//! of that it could not say otherwise that it has left.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::future::BoxFuture;
use tls_certificates::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Sleep, sleep};
use tokio_util::sync::CancellationToken;

/// What an HTTP/2 client says first. Until the two versions can be told apart, no other deadline runs.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The preface and the head of the SETTINGS frame that must follow it.
const OPENING_BYTES: usize = PREFACE.len() + 9;
/// How much is read of what comes during an answer, to see whether it is the end.
const AHEAD_BYTES: usize = 64;

/// A connection, its two deadlines, and its place among all connections.
pub(crate) struct Connection {
    stream: Stream,
    opening: Option<Opening>,
    stall_deadline: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    lasting: Arc<AtomicBool>,
    /// What came during an answer: the next request.
    ahead: Vec<u8>,
    _slot: OwnedSemaphorePermit,
}

struct Opening {
    received: usize,
    /// When it is over without having come to its end.
    over: BoxFuture<'static, ()>,
}

impl Connection {
    /// `stop` ends a connection that has not shown what it is: nobody waits for its answer.
    pub(crate) fn new(
        stream: Stream,
        opening_deadline: Duration,
        stall_deadline: Duration,
        stop: CancellationToken,
        slot: OwnedSemaphorePermit,
    ) -> Self {
        let over = async move {
            tokio::select! {
                () = sleep(opening_deadline) => {}
                () = stop.cancelled() => {}
            }
        };
        let opening = Opening { received: 0, over: Box::pin(over) };
        Self {
            stream,
            opening: Some(opening),
            stall_deadline,
            stalled: None,
            lasting: Arc::default(),
            ahead: Vec::new(),
            _slot: slot,
        }
    }

    /// Whether the answer under way is one whose end nobody knows; to be said by whoever makes it.
    pub(crate) fn lasting(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.lasting)
    }

    /// Fails once the client has closed its side. Otherwise its next word wakes the connection.
    fn unless_left(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if !self.ahead.is_empty() {
            return Ok(());
        }
        let mut bytes = [0; AHEAD_BYTES];
        let mut buffer = ReadBuf::new(&mut bytes);
        if Pin::new(&mut self.stream).poll_read(context, &mut buffer)?.is_ready() {
            if buffer.filled().is_empty() {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            self.ahead.extend_from_slice(buffer.filled());
        }
        Ok(())
    }

    /// Passes a write's outcome on, unless it has been pending for too long.
    fn unless_stalled<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let limit = self.stall_deadline;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl Opening {
    /// Whether these bytes end the opening: it is HTTP/1, whose head has a deadline of its own, or
    /// HTTP/2 is under way.
    fn ended_by(&mut self, bytes: &[u8]) -> bool {
        let awaited = PREFACE.get(self.received..).unwrap_or_default();
        self.received += bytes.len();
        let http1 = bytes.iter().zip(awaited).any(|(byte, awaited)| byte != awaited);
        http1 || self.received >= OPENING_BYTES
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.ahead.is_empty() {
            let fits = buffer.remaining().min(self.ahead.len());
            let ahead: Vec<u8> = self.ahead.drain(..fits).collect();
            buffer.put_slice(&ahead);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        if Pin::new(&mut self.stream).poll_read(context, buffer)?.is_pending() {
            if let Some(opening) = &mut self.opening {
                ready!(opening.over.as_mut().poll(context));
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            return Poll::Pending;
        }
        let received = buffer.filled().get(before..).unwrap_or_default();
        if self.opening.as_mut().is_some_and(|opening| opening.ended_by(received)) {
            self.opening = None;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.unless_stalled(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.unless_stalled(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Over TLS what was written waits here.
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        ready!(self.unless_stalled(flushed, context))?;
        if self.lasting.load(Ordering::Relaxed) {
            self.unless_left(context)?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
