//! Collects everything that is wrong with a request.

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::error::DOMAIN;
use crate::limits::{NAME_CHARS_MAX, VIOLATIONS_MAX};

/// What is wrong so far, by field.
#[derive(Debug, Default)]
pub(crate) struct Violations(Vec<(String, String)>);

impl Violations {
    /// Of a request with one thing wrong.
    pub(crate) fn one(field: &str, description: &str) -> Status {
        let mut violations = Self::default();
        violations.add(field, description);
        violations.status()
    }

    pub(crate) fn add(&mut self, field: &str, description: impl Into<String>) {
        if self.0.len() < VIOLATIONS_MAX {
            let field = field.chars().take(NAME_CHARS_MAX).collect();
            self.0.push((field, description.into()));
        }
    }

    /// The refusal, if anything is wrong.
    pub(crate) fn finish(self) -> Result<(), Status> {
        if self.0.is_empty() { Ok(()) } else { Err(self.status()) }
    }

    /// The refusal.
    pub(crate) fn status(self) -> Status {
        let mut details = ErrorDetails::with_error_info("INVALID_FIELD", DOMAIN, []);
        let listed: Vec<String> =
            self.0.iter().map(|(field, description)| format!("{field}: {description}")).collect();
        for (field, description) in self.0 {
            details.add_bad_request_violation(field, description);
        }
        Status::with_error_details(Code::InvalidArgument, listed.join("; "), details)
    }
}

/// The path of a field inside another, as violations name it: no more of it than they repeat, since each part of a body
/// gets a path while it is read, and what a client made up may be as long as the body.
pub(crate) fn inside(outer: &str, field: &str) -> String {
    let point = if outer.is_empty() { "" } else { "." };
    [outer, point, field].into_iter().flat_map(str::chars).take(NAME_CHARS_MAX).collect()
}
