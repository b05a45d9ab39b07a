//! Why a process does not start: one line that names what to change.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Why a process does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A flag or variable is wrong; the text names it.
    #[error("{0}")]
    Usage(String),
    /// A setting has a value that cannot be used.
    #[error("{name}: {problem}")]
    Setting {
        /// The variable.
        name: &'static str,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// A port cannot be listened on.
    #[error("{name}: cannot listen on {address}: {cause}")]
    Port {
        /// The variable that names it.
        name: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system says.
        cause: io::Error,
    },
    /// A file cannot be read or written.
    #[error("{name}: {path}: {cause}", path = path.display())]
    File {
        /// The variable that names it.
        name: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// Something else that the process needs is missing.
    #[error("{0}")]
    Other(String),
}

/// The exit code for words or settings that are wrong; 1 is for whatever else keeps a process from starting.
const WRONG: u8 = 2;

impl StartError {
    /// Says it in one line on stderr and gives the exit code for it: 2 for a wrong flag or setting, else 1.
    #[must_use]
    pub fn report(&self) -> ExitCode {
        let line = self.to_string().replace('\n', " ");
        // Where even stderr is gone, the exit code says enough.
        let _ = writeln!(io::stderr(), "boxoffice: {line}");
        match self {
            Self::Usage(_) | Self::Setting { .. } => ExitCode::from(WRONG),
            Self::Port { .. } | Self::File { .. } | Self::Other(_) => ExitCode::FAILURE,
        }
    }
}
