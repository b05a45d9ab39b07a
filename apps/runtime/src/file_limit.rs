//! Lets the process open as many files as the system allows it: connections are files.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit to the hard one. Where that is refused, the listeners' back-off copes.
pub(crate) fn raise() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => tracing::debug!(from = ?current, to = ?maximum, "open files allowed"),
        Err(error) => tracing::warn!(%error, ?current, "the limit of open files stays"),
    }
}
