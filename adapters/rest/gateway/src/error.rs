//! Errors as HTTP: the one table from a status to an HTTP code, and the status as JSON.

use std::sync::LazyLock;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
pub(crate) use grpc_client::{DOMAIN, fault, refusal, stopping, too_late};
use http::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderValue, Method, StatusCode};
use prost_reflect::{DescriptorPool, DynamicMessage, Value};
use serde_json::{Value as Json, json};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::conditional::no_body;
use crate::json::to_value;
use crate::limits::RETRY_DELAY;
use crate::negotiate::{JSON, PROBLEM, Wanted};
use crate::problem::to_problem;

/// The types that details may have.
static DETAILS: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let read = DescriptorPool::decode(tonic_types::pb::FILE_DESCRIPTOR_SET);
    read.unwrap_or_else(|error| {
        tracing::error!(%error, "error details cannot be shown");
        DescriptorPool::new()
    })
});

/// The HTTP response that tells of the status, as the client wants to be told.
pub(crate) fn response(status: &Status, wanted: Wanted) -> Response {
    let code = http_code(status);
    let (json, kind) =
        if wanted.problem { (to_problem(status, code), PROBLEM) } else { (to_json(status), JSON) };
    let json = json.to_string();
    let length = HeaderValue::from(json.len());
    let mut response = Response::new(Body::from(json));
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CONTENT_LENGTH, length);
    if code == StatusCode::UNSUPPORTED_MEDIA_TYPE {
        headers.insert(ACCEPT, HeaderValue::from_static(JSON));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    if let Some(delay) = retry_delay(status) {
        let secs = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
        headers.insert(RETRY_AFTER, HeaderValue::from(secs.max(1)));
    }
    if status.code() == Code::Unauthenticated {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// There is no such path.
pub(crate) fn no_route() -> Status {
    refusal(Code::NotFound, "ROUTE_NOT_FOUND", "there is nothing under this path")
}

/// The path knows only these methods: so it says, and to OPTIONS that is no error.
pub(crate) fn other_methods(asked: &Method, methods: &[Method], wanted: Wanted) -> Response {
    let names: Vec<&str> = methods.iter().map(Method::as_str).collect();
    let names = names.join(", ");
    let mut response = if asked == Method::OPTIONS {
        let mut response = Response::new(no_body());
        *response.status_mut() = StatusCode::NO_CONTENT;
        response
    } else {
        let message = format!("this path takes {names}");
        response(&refusal(Code::Unimplemented, "METHOD_NOT_ALLOWED", message), wanted)
    };
    response.headers_mut().extend(HeaderValue::try_from(names).ok().map(|names| (ALLOW, names)));
    response
}

/// The status with its details written out.
pub(crate) fn to_json(status: &Status) -> Json {
    let details: Vec<Json> = details(status).iter().map(detail).collect();
    json!({"code": i32::from(status.code()), "message": status.message(), "details": details})
}

/// What `google.rpc.Code` documents, unless a reason of ours says otherwise.
pub(crate) fn http_code(status: &Status) -> StatusCode {
    let info = status.get_details_error_info().filter(|info| info.domain == DOMAIN);
    match info.as_ref().map(|info| info.reason.as_str()) {
        Some("IDEMPOTENCY_KEY_REUSED") => return StatusCode::UNPROCESSABLE_ENTITY,
        Some("MESSAGE_TOO_LARGE") => return StatusCode::PAYLOAD_TOO_LARGE,
        Some("HEADERS_TOO_LARGE") => return StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        Some("NOT_ACCEPTABLE") => return StatusCode::NOT_ACCEPTABLE,
        Some("UNSUPPORTED_MEDIA_TYPE") => return StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Some("METHOD_NOT_ALLOWED") => return StatusCode::METHOD_NOT_ALLOWED,
        Some("REQUEST_TIMEOUT") => return StatusCode::REQUEST_TIMEOUT,
        // The refusals of the business: the request is fine, the state of things is not.
        Some(_) if status.code() == Code::FailedPrecondition => return StatusCode::CONFLICT,
        Some(_) | None => {}
    }
    match status.code() {
        Code::Ok => StatusCode::OK,
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => {
            StatusCode::BAD_REQUEST
        }
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::Aborted | Code::AlreadyExists => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::REQUEST_TIMEOUT),
        Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
    }
}

/// When to try again: as the server says, or soon where trying again is what helps.
pub(crate) fn retry_delay(status: &Status) -> Option<Duration> {
    let said = status.get_details_retry_info().and_then(|info| info.retry_delay);
    let helps = matches!(http_code(status).as_u16(), 429 | 503);
    said.or_else(|| helps.then_some(RETRY_DELAY))
}

fn details(status: &Status) -> Vec<DynamicMessage> {
    let described = DETAILS.get_message_by_name("google.rpc.Status");
    let read = described.and_then(|d| DynamicMessage::decode(d, status.details()).ok());
    let list = read.as_ref().and_then(|read| read.get_field_by_name("details"));
    let list = list.as_deref().and_then(Value::as_list).unwrap_or_default();
    list.iter().filter_map(Value::as_message).cloned().collect()
}

/// One detail, spelled out if its type is known.
fn detail(any: &DynamicMessage) -> Json {
    to_value(any).unwrap_or_else(|| {
        let field = |name| any.get_field_by_name(name);
        let (url, value) = (field("type_url"), field("value"));
        let value = value.as_deref().and_then(Value::as_bytes).cloned().unwrap_or_default();
        json!({
            "@type": url.as_deref().and_then(Value::as_str).unwrap_or_default(),
            "value": BASE64_STANDARD.encode(value),
        })
    })
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
