//! A private key that servers share: an Ed25519 key as PKCS#8 in PEM, readable by its owner only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What PKCS#8, version 1, puts before the 32 bytes of an Ed25519 key.
const PKCS8_HEAD: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// The key in this file as PKCS#8; makes one if there is none, and its folder. Of processes that start at once, one
/// makes the key and all get the same.
pub(crate) fn read_or_create(path: &Path) -> io::Result<Vec<u8>> {
    match fs::read_to_string(path) {
        Ok(pem) => parse(&pem),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            create(path)?;
            parse(&fs::read_to_string(path)?)
        }
        Err(error) => Err(error),
    }
}

/// A fresh key as PKCS#8.
fn generate() -> io::Result<Vec<u8>> {
    let mut seed = [0_u8; 32];
    getrandom::fill(&mut seed).map_err(no_chance)?;
    Ok([PKCS8_HEAD.as_slice(), seed.as_slice()].concat())
}

/// Writes a key beside the path and links it to its name: the name holds a whole key or nothing,
/// and whoever comes second leaves the first one's key.
fn create(path: &Path) -> io::Result<()> {
    let der = generate()?;
    let unique = getrandom::u64().map_err(no_chance)?;
    let draft = path.with_extension(format!("draft-{unique:x}"));
    let written = write_private(&draft, &der).and_then(|()| fs::hard_link(&draft, path));
    let cleared = fs::remove_file(&draft);
    match written {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        written => written.and(cleared),
    }
}

fn write_private(path: &Path, der: &[u8]) -> io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{BEGIN}\n{}\n{END}", STANDARD.encode(der))?;
    file.sync_all()
}

fn parse(pem: &str) -> io::Result<Vec<u8>> {
    let body: String =
        pem.trim().trim_start_matches(BEGIN).trim_end_matches(END).split_whitespace().collect();
    let der = STANDARD.decode(body).ok();
    der.filter(|der| der.starts_with(&PKCS8_HEAD) && der.len() == PKCS8_HEAD.len() + 32)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "is not an Ed25519 private key"))
}

fn no_chance(error: getrandom::Error) -> io::Error {
    io::Error::other(format!("the system gives no random bits: {error}"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn processes_that_start_at_once_get_the_same_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("issuer.key");
        let keys: Vec<_> = std::thread::scope(|scope| {
            let starting: Vec<_> = (0..8).map(|_| scope.spawn(|| read_or_create(&path))).collect();
            starting.into_iter().map(|one| one.join().expect("ends").expect("a key")).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
        let left: Vec<_> = fs::read_dir(folder.path()).expect("reads").collect();
        assert_eq!(left.len(), 1, "drafts are gone");
    }

    #[test]
    fn only_the_owner_may_read_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("issuer.key");
        let key = read_or_create(&path).expect("made");
        assert_eq!(read_or_create(&path).expect("read"), key);
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_is_no_key_is_not_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("issuer.key");
        for broken in ["", "hello", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"]
        {
            fs::write(&path, broken).expect("writes");
            let error = read_or_create(&path).expect_err("broken");
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            assert_eq!(fs::read_to_string(&path).expect("there"), broken);
        }
    }
}
