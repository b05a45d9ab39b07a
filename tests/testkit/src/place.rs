//! Where things are: the repository, the built programs, the tools.

use std::path::{Path, PathBuf};

/// The repository's root folder.
#[must_use]
pub fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// The path of a tool that `cargo xtask` has set up: `python`, `grpcurl`, `buf`.
///
/// # Panics
/// When it is not there.
#[must_use]
pub fn tool(name: &str) -> PathBuf {
    servers::tool(name).unwrap_or_else(|error| panic!("{error}"))
}

/// A program of the platform, built beside the running test.
///
/// # Panics
/// When it has not been built.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    let path = profile_folder().join(name);
    assert!(path.exists(), "{} is missing: `cargo build --workspace` makes it", path.display());
    path
}

/// `target/debug` or `target/release`: where a program is, and above `deps`, where a test's own executable is.
fn profile_folder() -> PathBuf {
    match std::env::current_exe() {
        Ok(own) => {
            let folder = own.ancestors().skip(1).find(|folder| !folder.ends_with("deps"));
            folder.unwrap_or(&own).to_owned()
        }
        Err(error) => panic!("the own path: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_where_the_contract_is() {
        assert!(repository().join("proto/boxoffice").is_dir());
    }
}
