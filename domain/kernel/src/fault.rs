//! What kind of failure an error is, so that one table can map all of them to gRPC and HTTP.

use std::error::Error;
use std::time::Duration;

/// The kinds of failure. `adapters/grpc/server` holds the only table from these to gRPC codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultClass {
    /// No valid token.
    Unauthenticated,
    /// A valid token without the needed role or ownership.
    Forbidden,
    /// No such thing, or none that the caller may know of.
    NotFound,
    /// The request itself is wrong.
    Invalid,
    /// The request is right, the state of things refuses it.
    Refused,
    /// Somebody else was first; reading again and retrying may work.
    Contended,
    /// Too much at once; later will work.
    Exhausted,
    /// Something we need is away; later will work. Its text is hidden from callers.
    Unavailable,
    /// Our own mistake. Its text is hidden from callers.
    Bug,
}

/// An error with all that led to it, for logs: an error says what failed and leaves it to its causes to say why.
#[must_use]
pub fn with_causes(error: &(impl Error + ?Sized)) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    told
}

/// One thing wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The field's path in the proto's spelling: `unit_price.currency_code`.
    pub field: String,
    /// What is wrong and what would be right.
    pub description: String,
}

impl Violation {
    /// A violation of a field, described by a sentence fragment such as "must not be empty".
    pub fn new(field: impl Into<String>, description: impl ToString) -> Self {
        Self { field: field.into(), description: description.to_string() }
    }
}

/// Implemented by every error that may reach a caller.
pub trait Fault: std::error::Error + Send + Sync {
    /// The kind of failure.
    fn class(&self) -> FaultClass;

    /// The stable name that clients program against (api.md, "Errors").
    fn reason(&self) -> &'static str;

    /// All that is wrong with the request, for [`FaultClass::Invalid`].
    fn violations(&self) -> &[Violation] {
        &[]
    }

    /// When a retry makes sense.
    fn retry_after(&self) -> Option<Duration> {
        match self.class() {
            FaultClass::Unavailable | FaultClass::Exhausted => Some(Duration::from_secs(1)),
            FaultClass::Contended => Some(Duration::from_millis(100)),
            FaultClass::Unauthenticated
            | FaultClass::Forbidden
            | FaultClass::NotFound
            | FaultClass::Invalid
            | FaultClass::Refused
            | FaultClass::Bug => None,
        }
    }

    /// Facts about the failure for programs: ids, the price now asked.
    fn metadata(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// A request with wrong fields, all of them at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the request has invalid fields: {}", .0.iter().map(|v| v.field.as_str()).collect::<Vec<_>>().join(", "))]
pub struct Invalid(pub Vec<Violation>);

impl Fault for Invalid {
    fn class(&self) -> FaultClass {
        FaultClass::Invalid
    }

    fn reason(&self) -> &'static str {
        "INVALID_FIELD"
    }

    fn violations(&self) -> &[Violation] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("not sent")]
    struct NotSent(#[source] Refused);

    #[derive(Debug, thiserror::Error)]
    #[error("refused")]
    struct Refused;

    #[test]
    fn an_error_is_told_with_what_led_to_it() {
        assert_eq!(with_causes(&NotSent(Refused)), "not sent: refused");
        let boxed: Box<dyn Error + Send + Sync> = Box::new(Refused);
        assert_eq!(with_causes(&*boxed), "refused");
    }
}
