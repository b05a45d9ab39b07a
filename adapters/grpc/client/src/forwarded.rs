//! Which headers of a client's request our servers get to see.

use http::HeaderName;
use http::header::AUTHORIZATION;

use crate::request_id::REQUEST_ID;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// These and no others.
pub const FORWARDED: [HeaderName; 5] = [
    AUTHORIZATION,
    IDEMPOTENCY_KEY,
    REQUEST_ID,
    HeaderName::from_static(telemetry_traces::TRACE_PARENT),
    HeaderName::from_static("tracestate"),
];

/// Those that say who asks, and for what only once, say so once: which of two counts is nothing to guess.
pub const ONCE: [HeaderName; 2] = [AUTHORIZATION, IDEMPOTENCY_KEY];
