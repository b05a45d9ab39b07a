//! The files, and what is wrong with one.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use crate::limits::FILE_BYTES_MAX;

pub(crate) const CERT: &str = "TLS_CERT_FILE";
pub(crate) const KEY: &str = "TLS_KEY_FILE";
pub(crate) const CLIENT_CA: &str = "TLS_CLIENT_CA_FILE";
pub(crate) const CA: &str = "TLS_CA_FILE";

/// Where a certificate with its chain is, and its key: both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// `TLS_CERT_FILE`: the certificate first, then who vouches for it.
    pub cert: PathBuf,
    /// `TLS_KEY_FILE`.
    pub key: PathBuf,
}

/// The files that TLS is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// What our ports show, and our servers where they are asked who they are.
    pub pair: Option<Pair>,
    /// `TLS_CLIENT_CA_FILE`: who vouches for callers of gRPC.
    pub client_ca: Option<PathBuf>,
    /// `TLS_CA_FILE`: who vouches for the servers that are called.
    pub ca: Option<PathBuf>,
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsProblem {
    /// It cannot be read.
    #[error("{variable}: {path}: {cause}", path = path.display())]
    Unreadable {
        /// The variable that names it.
        variable: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// What it says is of no use.
    #[error("{variable}: {problem}")]
    Wrong {
        /// The variable that names it.
        variable: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

/// What stands in the files.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) pair: Option<(Vec<u8>, Vec<u8>)>,
    pub(crate) client_ca: Option<Vec<u8>>,
    pub(crate) ca: Option<Vec<u8>>,
}

impl TlsFiles {
    /// Reads all of them. They are small, but it blocks.
    pub(crate) fn read(&self) -> Result<Contents, TlsProblem> {
        let pair = self.pair.as_ref();
        let pair = pair.map(|Pair { cert, key }| Ok((read(CERT, cert)?, read(KEY, key)?)));
        let some = |variable, path: &Option<PathBuf>| {
            path.as_deref().map(|path| read(variable, path)).transpose()
        };
        Ok(Contents {
            pair: pair.transpose()?,
            client_ca: some(CLIENT_CA, &self.client_ca)?,
            ca: some(CA, &self.ca)?,
        })
    }
}

/// Reads what is a file, or leads to one. A pipe would have its reader wait for ever for somebody to write, and with it
/// every later look: it is not opened, and if it comes in between, it is not waited for.
fn read(variable: &'static str, path: &Path) -> Result<Vec<u8>, TlsProblem> {
    let unreadable = |cause| TlsProblem::Unreadable { variable, path: path.to_owned(), cause };
    let is_file = |metadata: Metadata| {
        if metadata.is_file() { Ok(()) } else { Err(wrong(variable, "is not a file")) }
    };
    is_file(path.metadata().map_err(unreadable)?)?;
    let without_waiting = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = rustix::fs::open(path, without_waiting, Mode::empty());
    let file = File::from(opened.map_err(|errno| unreadable(errno.into()))?);
    is_file(file.metadata().map_err(unreadable)?)?;
    let mut contents = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut contents).map_err(unreadable)?;
    if contents.len() as u64 > FILE_BYTES_MAX {
        return Err(wrong(variable, format!("is larger than {FILE_BYTES_MAX} bytes")));
    }
    Ok(contents)
}

pub(crate) fn wrong(variable: &'static str, problem: impl Into<String>) -> TlsProblem {
    TlsProblem::Wrong { variable, problem: problem.into() }
}
