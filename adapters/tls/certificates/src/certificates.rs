//! The certificates in use, and how new ones come into use.

use std::fmt;
use std::sync::Arc;

use rustls::time_provider::{DefaultTimeProvider, TimeProvider};
use telemetry_metrics::names::{NONE, TLS_CERTIFICATE_EXPIRY, TLS_FILES_REFUSED, TLS_FILES_TAKEN};
use tokio::sync::{Mutex, watch};

use crate::acceptor::{Acceptor, Protocol};
use crate::files::{CERT, Contents, TlsFiles, TlsProblem, wrong};
use crate::material::{ClientTls, ServerTls};

/// The certificates of a process. Clones are the same ones.
#[derive(Clone)]
pub struct Certificates(Arc<InUse>);

struct InUse {
    files: TlsFiles,
    servers: Option<watch::Sender<ServerTls>>,
    client: Option<watch::Sender<ClientTls>>,
    seen: Mutex<Seen>,
}

/// What is remembered between two looks.
struct Seen {
    in_use: Contents,
    /// What was wrong with the files at the last look, as it was told.
    problem: Option<String>,
}

impl Certificates {
    /// Reads the files. One that has expired is taken all the same: nothing is better about not starting.
    ///
    /// # Errors
    /// [`TlsProblem`] with the first file that cannot be used.
    pub fn load(files: TlsFiles) -> Result<Self, TlsProblem> {
        let in_use = files.read()?;
        let servers = ServerTls::new(&in_use)?;
        let client = ClientTls::new(&in_use)?;
        if let Some(servers) = &servers {
            tell(servers);
            TLS_FILES_TAKEN.begin(NONE);
            if has_expired(servers) {
                tracing::warn!(expired = %servers.expires, "{CERT} has expired: clients refuse it");
            }
        }
        Ok(Self(Arc::new(InUse {
            files,
            servers: servers.map(watch::Sender::new),
            client: client.map(watch::Sender::new),
            seen: Mutex::new(Seen { in_use, problem: None }),
        })))
    }

    /// For a port on which this is spoken: with TLS where there is a certificate.
    #[must_use]
    pub fn acceptor(&self, protocol: Protocol) -> Acceptor {
        Acceptor::new(protocol, self.0.servers.as_ref().map(watch::Sender::subscribe))
    }

    /// Whether ports speak TLS.
    #[must_use]
    pub fn serve_tls(&self) -> bool {
        self.0.servers.is_some()
    }

    /// How calls over TLS are made, now and at every change, where `TLS_CA_FILE` says whom to believe.
    #[must_use]
    pub fn client(&self) -> Option<watch::Receiver<ClientTls>> {
        self.0.client.as_ref().map(watch::Sender::subscribe)
    }

    /// Looks at the files, and takes new ones into use. Of files that cannot be used the warning comes once, and what
    /// was in use before stays.
    pub async fn look(&self) {
        let mut seen = self.0.seen.lock().await;
        let files = self.0.files.clone();
        let read = tokio::task::spawn_blocking(move || files.read()).await;
        // It does not panic; if it did, the next look would find out as much.
        let Ok(read) = read else { return };
        let taken = read.and_then(|contents| self.take(&mut seen, contents));
        let problem = taken.err().map(|problem| problem.to_string());
        if let Some(problem) =
            problem.as_ref().filter(|problem| seen.problem.as_ref() != Some(problem))
        {
            tracing::warn!(
                problem,
                "new TLS files cannot be used, and the ones before stay in use"
            );
        }
        if self.serve_tls() {
            TLS_FILES_REFUSED.set(NONE, f64::from(u8::from(problem.is_some())));
        }
        seen.problem = problem;
    }

    fn take(&self, seen: &mut Seen, contents: Contents) -> Result<(), TlsProblem> {
        if seen.in_use == contents {
            return Ok(());
        }
        let servers = ServerTls::new(&contents)?;
        let client = ClientTls::new(&contents)?;
        if servers.as_ref().is_some_and(has_expired) {
            return Err(wrong(CERT, "has expired"));
        }
        if let (Some(in_use), Some(servers)) = (&self.0.servers, servers) {
            tracing::info!(expires = %servers.expires, "new TLS files are in use");
            tell(&servers);
            in_use.send_replace(servers);
        }
        if let (Some(in_use), Some(client)) = (&self.0.client, client) {
            in_use.send_if_modified(|known| {
                let changed = *known != client;
                *known = client;
                changed
            });
        }
        TLS_FILES_TAKEN.add(NONE);
        seen.in_use = contents;
        Ok(())
    }
}

/// By the clock that handshakes go by.
fn has_expired(servers: &ServerTls) -> bool {
    let now = DefaultTimeProvider.current_time();
    now.is_some_and(|now| servers.expires.unix_duration().as_secs() <= now.as_secs())
}

fn tell(servers: &ServerTls) {
    TLS_CERTIFICATE_EXPIRY.set(NONE, servers.expires.unix_duration().as_secs_f64());
    TLS_FILES_REFUSED.set(NONE, 0.0);
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").field("files", &self.0.files).finish_non_exhaustive()
    }
}
