//! Files that change while connections are made: what is shown, what is refused, and what stays.
#![expect(clippy::expect_used, reason = "what goes wrong in a test fails it, and says where")]

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustix::fs::{CWD, FileType, Mode};
use rustls::pki_types::ServerName;
use tempfile::TempDir;
use tls_certificates::{Acceptor, Certificates, ClientTls, Pair, Protocol, TlsFiles};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

/// An authority, and the folder with what it vouches for.
struct Scene {
    folder: TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Scene {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let authority = CertifiedIssuer::self_signed(params, key).expect("an authority");
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("ca.pem"), authority.pem()).expect("written");
        let scene = Self { folder, authority };
        scene.renew(2040);
        scene
    }

    /// A new pair, valid until that year.
    fn renew(&self, until: i32) {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let cert = params.signed_by(&key, &self.authority).expect("a certificate");
        self.write("cert.pem", &cert.pem());
        self.write("key.pem", &key.serialize_pem());
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).expect("written");
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn files(&self) -> TlsFiles {
        let pair = Pair { cert: self.path().join("cert.pem"), key: self.path().join("key.pem") };
        TlsFiles { pair: Some(pair), client_ca: None, ca: Some(self.path().join("ca.pem")) }
    }

    fn load(&self) -> Certificates {
        Certificates::load(self.files()).expect("files that can be used")
    }

    fn refused(&self, files: TlsFiles) -> String {
        Certificates::load(files).expect_err("wrong").to_string()
    }
}

/// Echoes one byte, and gives the certificate that the server showed.
async fn shown(
    listener: &TcpListener,
    acceptor: &Acceptor,
    tls: &ClientTls,
) -> io::Result<Vec<u8>> {
    let config = Arc::new(tls.http_config().expect("roots"));
    let client = async {
        let tcp = TcpStream::connect(listener.local_addr()?).await?;
        let name = ServerName::try_from("localhost").expect("a name");
        let mut stream = TlsConnector::from(config).connect(name, tcp).await?;
        stream.write_all(b"x").await?;
        let mut byte = [0];
        stream.read_exact(&mut byte).await?;
        let (_, session) = stream.get_ref();
        Ok(session.peer_certificates().expect("a chain").first().expect("one").to_vec())
    };
    let server = async {
        let mut stream = acceptor.accept(listener.accept().await?.0);
        let mut byte = [0];
        stream.read_exact(&mut byte).await?;
        stream.write_all(&byte).await?;
        stream.flush().await
    };
    let (shown, served) = tokio::join!(client, server);
    served.and(shown)
}

#[tokio::test]
async fn nobody_waits_for_a_pipe_where_a_file_should_be() {
    let scene = Scene::new();
    let certificates = scene.load();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let acceptor = certificates.acceptor(Protocol::Rest);
    let tls = certificates.client().expect("roots").borrow().clone();
    let first = shown(&listener, &acceptor, &tls).await.expect("served");

    let (pipe, cert) = (scene.path().join("pipe"), scene.path().join("cert.pem"));
    rustix::fs::mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
    std::fs::remove_file(&cert).expect("there");
    std::os::unix::fs::symlink(&pipe, &cert).expect("linked");
    let looked = tokio::time::timeout(Duration::from_secs(60), certificates.look()).await;
    // Lets whoever waits for it go, so that a failing test ends.
    drop(std::fs::OpenOptions::new().read(true).write(true).open(&pipe).expect("a pipe"));
    looked.expect("waits for nobody");
    assert_eq!(scene.refused(scene.files()), "TLS_CERT_FILE: is not a file");
    assert_eq!(shown(&listener, &acceptor, &tls).await.expect("served"), first, "it stays in use");

    std::fs::remove_file(&cert).expect("there");
    scene.renew(2041);
    std::fs::rename(&cert, scene.path().join("elsewhere.pem")).expect("moved");
    std::os::unix::fs::symlink("elsewhere.pem", &cert).expect("linked");
    certificates.look().await;
    let second = shown(&listener, &acceptor, &tls).await.expect("served");
    assert_ne!(second, first, "the next file is taken, where a link leads to it");
}

#[tokio::test]
async fn new_files_are_shown_to_who_comes_next_and_broken_ones_to_nobody() {
    let scene = Scene::new();
    let certificates = scene.load();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let acceptor = certificates.acceptor(Protocol::Rest);
    let tls = certificates.client().expect("roots").borrow().clone();
    let first = shown(&listener, &acceptor, &tls).await.expect("served");
    assert_eq!(shown(&listener, &acceptor, &tls).await.expect("served"), first);

    scene.renew(2041);
    certificates.look().await;
    let second = shown(&listener, &acceptor, &tls).await.expect("served");
    assert_ne!(second, first, "a new one is shown without a restart");
    assert!(certificates.client().expect("roots").borrow().pair.is_some());

    let key = std::fs::read_to_string(scene.path().join("key.pem")).expect("a key");
    for broken in ["", "no PEM", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
        scene.write("key.pem", broken);
        certificates.look().await;
        assert_eq!(shown(&listener, &acceptor, &tls).await.expect("served"), second, "{broken}");
    }
    scene.renew(2020);
    certificates.look().await;
    assert_eq!(shown(&listener, &acceptor, &tls).await.expect("served"), second, "expired");
    // A pair of which half has come.
    scene.renew(2042);
    let new_key = std::fs::read_to_string(scene.path().join("key.pem")).expect("a key");
    scene.write("key.pem", &key);
    certificates.look().await;
    assert_eq!(shown(&listener, &acceptor, &tls).await.expect("served"), second, "half");
    scene.write("key.pem", &new_key);
    certificates.look().await;
    assert_ne!(shown(&listener, &acceptor, &tls).await.expect("served"), second, "whole");
}

#[tokio::test]
async fn a_client_that_says_nothing_of_tls_is_told_so_and_left() {
    let scene = Scene::new();
    let acceptor = scene.load().acceptor(Protocol::Http1);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let client = async {
        let mut tcp = TcpStream::connect(address).await.expect("somebody listens");
        tcp.write_all(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n").await.expect("sent");
        let mut said = Vec::new();
        // A reset is an end as well.
        let _ = tcp.read_to_end(&mut said).await;
        said
    };
    let server = async {
        let mut stream = acceptor.accept(listener.accept().await.expect("accepted").0);
        let failed = stream.read_u8().await.expect_err("no TLS");
        let again = stream.read_u8().await.expect_err("still none");
        (failed.kind(), again.kind())
    };
    let (said, (failed, again)) = tokio::join!(client, server);
    assert_eq!(failed, io::ErrorKind::InvalidData);
    assert_eq!(again, io::ErrorKind::NotConnected);
    // An alert, and no word of what is served.
    assert!(said.is_empty() || said.first() == Some(&21), "{said:?}");
}

#[test]
fn what_cannot_be_used_is_named_and_no_key_is_told() {
    let scene = Scene::new();
    let missing = scene.path().join("nowhere.pem");
    let with = |change: &dyn Fn(&mut TlsFiles)| {
        let mut files = scene.files();
        change(&mut files);
        scene.refused(files)
    };
    let pair = |cert: &Path, key: &Path| Some(Pair { cert: cert.into(), key: key.into() });
    let (cert, key) = (scene.path().join("cert.pem"), scene.path().join("key.pem"));
    for (said, name) in [
        (with(&|files| files.pair = pair(&missing, &key)), "TLS_CERT_FILE: "),
        (with(&|files| files.pair = pair(&cert, &missing)), "TLS_KEY_FILE: "),
        (with(&|files| files.pair = pair(scene.path(), &key)), "TLS_CERT_FILE: "),
        (with(&|files| files.pair = pair(&key, &key)), "TLS_CERT_FILE: has no certificate"),
        (with(&|files| files.pair = pair(&cert, &cert)), "TLS_KEY_FILE: has no private key"),
        (with(&|files| files.ca = Some(missing.clone())), "TLS_CA_FILE: "),
        (with(&|files| files.client_ca = Some(key.clone())), "TLS_CLIENT_CA_FILE: "),
    ] {
        assert!(said.starts_with(name), "{name}: {said}");
        assert!(!said.contains("PRIVATE"), "{said}");
    }
    let other = Scene::new();
    let said = with(&|files| files.pair = pair(&cert, &other.path().join("key.pem")));
    assert_eq!(said, "TLS_KEY_FILE: is not the key of TLS_CERT_FILE");
}

#[tokio::test]
async fn an_expired_certificate_does_not_keep_a_server_from_starting() {
    let scene = Scene::new();
    scene.renew(2020);
    let certificates = scene.load();
    assert!(certificates.serve_tls());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let tls = certificates.client().expect("roots").borrow().clone();
    let acceptor = certificates.acceptor(Protocol::Grpc);
    let refused = shown(&listener, &acceptor, &tls).await;
    assert!(refused.is_err(), "clients refuse it");
    scene.renew(2040);
    certificates.look().await;
    shown(&listener, &acceptor, &tls).await.expect("what came instead is shown");
}
