//! Which headers of a client's request our servers get to see.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};

use crate::request_id::REQUEST_ID;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// These and no others.
const FORWARDED: [HeaderName; 5] = [
    AUTHORIZATION,
    IDEMPOTENCY_KEY,
    REQUEST_ID,
    HeaderName::from_static(telemetry_traces::TRACE_PARENT),
    HeaderName::from_static("tracestate"),
];

/// Those that say who asks, and for what only once, say so once: which of two counts is nothing to guess.
const ONCE: [HeaderName; 2] = [AUTHORIZATION, IDEMPOTENCY_KEY];

/// What is wrong with those that are there more often.
pub const TWICE: &str = "is there twice; send it once";

/// The headers that the server is to see.
///
/// # Errors
/// Those of which there may be one and are two.
pub fn forwarded(headers: &HeaderMap) -> Result<HeaderMap, Vec<HeaderName>> {
    let twice = |name: &HeaderName| headers.get_all(name).iter().nth(1).is_some();
    let twice: Vec<_> = ONCE.into_iter().filter(twice).collect();
    if !twice.is_empty() {
        return Err(twice);
    }
    let given = |name: HeaderName| headers.get(&name).map(|value| (name, value.clone()));
    Ok(FORWARDED.into_iter().filter_map(given).collect())
}
