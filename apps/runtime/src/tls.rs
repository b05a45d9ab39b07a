//! The certificates as settings, and the loop that looks whether there are new ones.

use std::path::PathBuf;

use clap::Args;
use tls_certificates::{Certificates, Pair, TlsFiles, TlsProblem};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::config::shown;
use crate::limits::TLS_LOOK_EVERY;
use crate::start_error::StartError;

/// TLS, on every port or on none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct TlsSettings {
    /// File with the certificate that every port shows, and those that vouch for it, in PEM: with it all ports speak TLS, and
    /// nothing else. New files are taken into use within seconds, or at once on SIGHUP. Without it ports are plain
    #[arg(long, env = "TLS_CERT_FILE", global = true)]
    pub tls_cert_file: Option<PathBuf>,

    /// File with the key of TLS_CERT_FILE, in PEM
    #[arg(long, env = "TLS_KEY_FILE", global = true)]
    pub tls_key_file: Option<PathBuf>,

    /// File with those who vouch for callers of gRPC, in PEM: with it only who shows a certificate of theirs is let in. Our
    /// own servers show TLS_CERT_FILE
    #[arg(long, env = "TLS_CLIENT_CA_FILE", global = true)]
    pub tls_client_ca_file: Option<PathBuf>,

    /// File with those who vouch for the servers that are called at https://, in PEM
    #[arg(long, env = "TLS_CA_FILE", global = true)]
    pub tls_ca_file: Option<PathBuf>,
}

impl TlsSettings {
    /// Checks what the settings say together.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        let (cert, key) = (self.tls_cert_file.is_some(), self.tls_key_file.is_some());
        let (name, problem) = match (cert, key, self.tls_client_ca_file.is_some()) {
            (true, false, _) => ("TLS_KEY_FILE", "is needed with TLS_CERT_FILE: its key"),
            (false, true, _) => {
                ("TLS_CERT_FILE", "is needed with TLS_KEY_FILE: what it is the key of")
            }
            (false, false, true) => (
                "TLS_CLIENT_CA_FILE",
                "needs TLS_CERT_FILE and TLS_KEY_FILE: only over TLS do callers show certificates",
            ),
            (true, true, _) | (false, false, false) => return Ok(()),
        };
        Err(StartError::Setting { name, problem: problem.to_owned() })
    }

    pub(crate) fn effective(&self) -> [(&'static str, String); 4] {
        let path = |file: &Option<PathBuf>| shown(file.as_ref().map(|file| file.display()));
        [
            ("TLS_CERT_FILE", path(&self.tls_cert_file)),
            ("TLS_KEY_FILE", path(&self.tls_key_file)),
            ("TLS_CLIENT_CA_FILE", path(&self.tls_client_ca_file)),
            ("TLS_CA_FILE", path(&self.tls_ca_file)),
        ]
    }

    /// Reads the files.
    ///
    /// # Errors
    /// [`StartError`] that names the variable of the first that cannot be used.
    pub fn load(&self) -> Result<Certificates, StartError> {
        let pair = self.tls_cert_file.clone().zip(self.tls_key_file.clone());
        let files = TlsFiles {
            pair: pair.map(|(cert, key)| Pair { cert, key }),
            client_ca: self.tls_client_ca_file.clone(),
            ca: self.tls_ca_file.clone(),
        };
        Certificates::load(files).map_err(|problem| match problem {
            TlsProblem::Unreadable { variable: name, path, cause } => {
                StartError::File { name, path, cause }
            }
            TlsProblem::Wrong { variable: name, problem } => StartError::Setting { name, problem },
        })
    }

    /// Whether there is anything to look at.
    pub(crate) fn any(&self) -> bool {
        *self != Self::default()
    }
}

/// Looks whether there are new files every few seconds, and whenever SIGHUP says so, until `stop` is cancelled.
pub(crate) async fn keep(certificates: Certificates, stop: CancellationToken) {
    // Without the signal there are still the seconds.
    let mut hangup = signal(SignalKind::hangup()).ok();
    let mut hung_up = async || match &mut hangup {
        Some(hangup) => hangup.recv().await,
        None => std::future::pending().await,
    };
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = hung_up() => {}
            () = tokio::time::sleep(TLS_LOOK_EVERY) => {}
        }
        certificates.look().await;
    }
}
