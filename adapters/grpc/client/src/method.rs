//! What a method is called where few names may be.

use http::Method;

/// As OpenTelemetry calls a method that nobody knows.
const OTHER: &str = "_OTHER";

/// The name of a method in metrics and traces: clients may make up methods without end.
#[must_use]
pub const fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => OTHER,
    }
}
