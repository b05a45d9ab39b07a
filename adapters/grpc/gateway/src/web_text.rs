//! The text form of gRPC-Web: base64 in pieces, each of which may be padded for itself. How they are cut on their way
//! over the wire makes no difference.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http_body::Frame;
use tonic::Status;
use tonic::body::Body;

use crate::refusals::invalid;

/// So many letters are a whole number of bytes.
const QUAD: usize = 4;

/// A body as it was before it became text.
pub(crate) struct Decoded {
    text: Body,
    /// Less than a quad, of which the rest is still coming.
    begun: Vec<u8>,
}

impl Decoded {
    pub(crate) const fn new(text: Body) -> Self {
        Self { text, begun: Vec::new() }
    }

    /// All that is whole with this.
    fn decode(&mut self, more: &[u8]) -> Result<Bytes, Status> {
        self.begun.extend_from_slice(more);
        let whole = self.begun.len() - self.begun.len() % QUAD;
        let rest = self.begun.split_off(whole);
        let text = std::mem::replace(&mut self.begun, rest);
        let mut bytes = Vec::with_capacity(text.len() / QUAD * 3);
        let mut left = text.as_slice();
        while !left.is_empty() {
            let padded = left.iter().position(|letter| *letter == b'=');
            let end = padded.map_or(left.len(), |at| (at / QUAD + 1) * QUAD);
            let (piece, after) = left.split_at(end.min(left.len()));
            let decoded = BASE64_STANDARD.decode_vec(piece, &mut bytes);
            decoded.map_err(|_| invalid("body", "is no base64"))?;
            left = after;
        }
        Ok(bytes.into())
    }
}

impl http_body::Body for Decoded {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        loop {
            let frame = match ready!(Pin::new(&mut self.text).poll_frame(cx)) {
                Some(frame) => frame?,
                None if self.begun.is_empty() => return Poll::Ready(None),
                None => return Poll::Ready(Some(Err(invalid("body", "breaks off")))),
            };
            // Trailers stand in the text.
            let Ok(text) = frame.into_data() else { continue };
            let bytes = self.decode(&text)?;
            if !bytes.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
        }
    }
}
