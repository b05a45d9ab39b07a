//! Answers as gzip, where the client takes it and it is worth it.

use std::io::{self, Write};
use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::HeaderValue;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, VARY};
use http_body::Body as _;
use http_body_util::BodyExt;
use tokio::sync::OnceCell;

use crate::limits::{COMPRESS_BYTES_MIN, COMPRESS_INLINE_BYTES_MAX};
use crate::negotiate::{EVENTS, Wanted};

/// What an answer depends on besides its path: caches keep one for each.
const DEPENDS_ON: HeaderValue = HeaderValue::from_static("accept, accept-encoding");

/// In an answer's extensions: its compressed form, once it has one, of what is answered again and again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Packed(Arc<OnceCell<Bytes>>);

/// Whether this answer is to be compressed.
pub(crate) fn fits(response: &Response, wanted: Wanted) -> bool {
    let length = response.body().size_hint().exact().unwrap_or(0);
    let stream = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == EVENTS);
    let worth = length >= COMPRESS_BYTES_MIN || (!wanted.identity && length > 0);
    wanted.gzip && worth && !stream && !response.headers().contains_key(CONTENT_ENCODING)
}

/// Says what the answer depends on; and of one that will be compressed, that its tag stands for
/// another form of the same: it is a weak one.
pub(crate) fn mark(response: &mut Response, compressed: bool) {
    let headers = response.headers_mut();
    headers.append(VARY, DEPENDS_ON);
    let strong = headers.get(ETAG).filter(|_| compressed).and_then(|tag| tag.to_str().ok());
    let weak = strong.and_then(|tag| HeaderValue::try_from(format!("W/{tag}")).ok());
    if let Some(weak) = weak {
        headers.insert(ETAG, weak);
    }
}

/// Compresses the answer; one that cannot be stays as it is.
pub(crate) async fn gzip(mut response: Response) -> Response {
    let Packed(kept) = response.extensions_mut().remove().unwrap_or_default();
    let (mut parts, body) = response.into_parts();
    let Ok(whole) = body.collect().await.map(http_body_util::Collected::to_bytes) else {
        // A body of known length is in memory: it does not break off.
        return Response::from_parts(parts, Body::empty());
    };
    match kept.get_or_try_init(|| pack_aside(whole.clone())).await.cloned() {
        Ok(packed) => {
            parts.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(packed.len()));
            Response::from_parts(parts, Body::from(packed))
        }
        Err(error) => {
            tracing::warn!(%error, "an answer could not be compressed");
            Response::from_parts(parts, Body::from(whole))
        }
    }
}

/// What is large is compressed where it keeps nobody waiting.
async fn pack_aside(input: Bytes) -> io::Result<Bytes> {
    if input.len() <= COMPRESS_INLINE_BYTES_MAX {
        return pack(&input);
    }
    let packing = tokio::task::spawn_blocking(move || pack(&input));
    packing.await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

fn pack(input: &Bytes) -> io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(input.len() / 4), Compression::fast());
    encoder.write_all(input)?;
    encoder.finish().map(Bytes::from)
}
