//! Reading YAML.

use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;

/// The text of a file.
///
/// # Panics
/// When it cannot be read.
#[must_use]
pub fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The one document of a file.
///
/// # Panics
/// When it cannot be read as what it should be.
#[must_use]
pub fn document<T: DeserializeOwned>(path: &Path) -> T {
    serde_saphyr::from_str(&text(path))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every document of a text; `place` says in a failure where it is from.
///
/// # Panics
/// When it is no YAML.
#[must_use]
pub fn documents(place: &str, text: &str) -> Vec<Value> {
    let documents: Result<Vec<Value>, _> = serde_saphyr::from_multiple(text);
    documents.unwrap_or_else(|error| panic!("{place}: {error}"))
}
