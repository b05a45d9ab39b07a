//! An answer on its way to the client: the server's own frames, as fast as the client takes them, until one of the two
//! has enough. However it ends, it ends with a status.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::future::BoxFuture;
use grpc_client::{StreamPlace, rename, stopping, too_late, unreachable};
use grpc_server::Place;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::body::Body;

/// Why an answer may end before its server ends it.
#[derive(Debug)]
pub(crate) struct Lasting {
    /// When the client's own time is over.
    pub(crate) until: Option<Instant>,
    /// Cancelled when the gateway stops: of streams, which would not end by themselves.
    pub(crate) stop: Option<CancellationToken>,
    /// What it takes of the room for streams.
    pub(crate) place: Option<StreamPlaces>,
}

/// What a stream takes of the room of all, and of its client's own.
pub(crate) type StreamPlaces = (Place, Option<StreamPlace>);

pub(crate) struct Passing {
    /// Nothing once it has ended: dropping it tells the server that nobody listens.
    inner: Option<Body>,
    /// Comes when it is to be ended here.
    over: BoxFuture<'static, Status>,
    place: Option<StreamPlaces>,
    rpc: String,
}

impl Passing {
    /// Of an answer that has only begun.
    pub(crate) fn new(rpc: &str, inner: Body, lasting: Lasting) -> Self {
        let Lasting { until, stop, place } = lasting;
        let over = Box::pin(async move {
            let time = async {
                match until {
                    Some(until) => tokio::time::sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            let stopped = async {
                match &stop {
                    Some(stop) => stop.cancelled().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = stopped => stopping(),
                () = time => too_late(),
            }
        });
        Self { inner: Some(inner), over, place, rpc: rpc.to_owned() }
    }

    fn end(&mut self) {
        self.inner = None;
        self.place = None;
    }

    fn end_with(&mut self, status: &Status) -> Frame<Bytes> {
        self.end();
        let mut trailers = HeaderMap::new();
        if status.add_header(&mut trailers).is_err() {
            // It could not be written as headers; the code alone always can.
            let bare = Status::new(status.code(), "");
            let _ = bare.add_header(&mut trailers);
        }
        Frame::trailers(trailers)
    }
}

impl http_body::Body for Passing {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let Some(inner) = &mut this.inner else { return Poll::Ready(None) };
        if let Poll::Ready(status) = this.over.as_mut().poll(cx) {
            return Poll::Ready(Some(Ok(this.end_with(&status))));
        }
        let Poll::Ready(polled) = Pin::new(inner).poll_frame(cx) else { return Poll::Pending };
        let frame = match polled {
            Some(Ok(frame)) => {
                if frame.is_trailers() {
                    this.end();
                }
                frame
            }
            Some(Err(broken)) => this.end_with(&rename(&this.rpc, broken)),
            None => this.end_with(&unreachable()),
        };
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
