//! What is beside the routes and stays the same while the program runs: the OpenAPI document, and a viewer of it. Each has
//! its tag from the start, and is compressed once.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use http::{HeaderName, HeaderValue};

use crate::compress::Packed;
use crate::conditional;

/// Something under a path of its own.
pub(crate) struct Page {
    pub(crate) path: &'static str,
    /// Its media type, with what may follow it.
    kind: &'static str,
    bytes: Bytes,
    tag: Option<HeaderValue>,
    packed: Packed,
    headers: &'static [(HeaderName, HeaderValue)],
}

impl Page {
    /// Answered with these headers beside those of its form.
    pub(crate) fn new(
        path: &'static str,
        kind: &'static str,
        bytes: Bytes,
        headers: &'static [(HeaderName, HeaderValue)],
    ) -> Self {
        let tag = conditional::tag(None, &bytes);
        Self { path, kind, bytes, tag, packed: Packed::default(), headers }
    }

    /// What accept may exclude.
    pub(crate) fn media_type(&self) -> &'static str {
        self.kind.split(';').next().unwrap_or(self.kind)
    }

    pub(crate) fn answer(&self) -> Response {
        let mut response = Response::new(Body::from(self.bytes.clone()));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.kind));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(self.bytes.len()));
        headers.extend(self.tag.clone().map(|tag| (ETAG, tag)));
        headers.extend(self.headers.iter().cloned());
        response.extensions_mut().insert(self.packed.clone());
        response
    }
}
