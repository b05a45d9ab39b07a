//! An authority of a test, and the files of TLS that it vouches for, in a folder that changes at once as a mounted
//! Secret does.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::ClientConfig;
use tempfile::TempDir;
use tls_certificates::ClientTls;

/// What links lead to.
const CURRENT: &str = "current";

/// Vouches for the platform at 127.0.0.1.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A folder with `cert.pem`, `key.pem` and `ca.pem`.
pub struct TlsFolder {
    folder: TempDir,
    changes: std::sync::atomic::AtomicU32,
}

/// A certificate and its key, in PEM.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The certificate.
    pub cert: String,
    /// Its key.
    pub key: String,
}

impl Authority {
    /// A fresh one.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn fresh(name: &str) -> Self {
        let made = || -> Result<_, rcgen::Error> {
            let mut params = CertificateParams::new(Vec::new())?;
            params.distinguished_name.push(DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            CertifiedIssuer::self_signed(params, KeyPair::generate()?)
        };
        Self { issuer: made().unwrap_or_else(|error| panic!("an authority: {error}")) }
    }

    /// Its own certificate, in PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate of the platform that is valid until the end of that year.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn vouch(&self, until: i32) -> Shown {
        let made = || -> Result<_, rcgen::Error> {
            let names = ["127.0.0.1", "localhost"].map(str::to_owned);
            let mut params = CertificateParams::new(names)?;
            params.distinguished_name.push(DnType::CommonName, "boxoffice");
            params.not_after = date_time_ymd(until, 12, 31);
            let key = KeyPair::generate()?;
            let cert = params.signed_by(&key, &self.issuer)?.pem();
            Ok(Shown { cert, key: key.serialize_pem() })
        };
        made().unwrap_or_else(|error| panic!("a certificate: {error}"))
    }
}

impl TlsFolder {
    /// A folder with these files.
    ///
    /// # Panics
    /// When they cannot be written.
    #[must_use]
    pub fn of(shown: &Shown, roots: &str) -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("a folder: {error}"));
        let folder = Self { folder, changes: 0.into() };
        folder.change(shown, roots);
        folder
    }

    /// Replaces all files by others, at once.
    ///
    /// # Panics
    /// When they cannot be written.
    pub fn change(&self, Shown { cert, key }: &Shown, roots: &str) {
        let nth = self.changes.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let data = self.folder.path().join(format!("data-{nth}"));
        let link = self.folder.path().join(format!("link-{nth}"));
        let changed = || -> std::io::Result<()> {
            std::fs::create_dir(&data)?;
            for (name, text) in
                [("cert.pem", cert.as_str()), ("key.pem", key.as_str()), ("ca.pem", roots)]
            {
                std::fs::write(data.join(name), text)?;
            }
            symlink(&data, &link)?;
            std::fs::rename(&link, self.folder.path().join(CURRENT))
        };
        changed().unwrap_or_else(|error| panic!("{}: {error}", data.display()));
    }

    /// Where the files are.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().join(CURRENT)
    }

    /// One of the files.
    #[must_use]
    pub fn file(&self, name: &str) -> String {
        self.path().join(name).to_string_lossy().into_owned()
    }
}

/// For clients of HTTP that believe whom the folder says.
///
/// # Panics
/// When there is nobody to believe.
#[must_use]
pub fn https(folder: &Path) -> ClientConfig {
    let path = folder.join("ca.pem");
    let roots = std::fs::read(&path);
    let roots = roots.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let config = ClientTls { roots, pair: None }.http_config();
    config.unwrap_or_else(|error| panic!("{error}"))
}
