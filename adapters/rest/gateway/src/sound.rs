//! Requests that are not what HTTP/1.1 says a request is, although its parser lets them through: who else reads them may
//! take them for something else (RFC 9112, 3.2 and 6.1).

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use grpc_client::TurnedAway;
use http::header::{HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Version};
use tonic::Status;

use crate::violations::Violations;

/// Marks such a request as refused: the door that it is for answers so.
pub(crate) async fn check(mut request: Request, next: Next) -> Response {
    if let Err(wrong) = sound(request.version(), request.headers()) {
        request.extensions_mut().insert(TurnedAway(wrong));
    }
    next.run(request).await
}

fn sound(version: Version, headers: &HeaderMap) -> Result<(), Status> {
    let mut violations = Violations::default();
    let hosts = headers.get_all(HOST).iter().count();
    if hosts > 1 || (version == Version::HTTP_11 && hosts == 0) {
        violations.add(HOST.as_str(), "must be there once");
    }
    let codings: Vec<&HeaderValue> = headers.get_all(TRANSFER_ENCODING).iter().collect();
    let chunked = |coding: &&HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"chunked");
    if codings.len() > 1 || !codings.iter().all(chunked) {
        violations.add(TRANSFER_ENCODING.as_str(), "must be chunked and nothing else");
    }
    violations.finish()
}
