//! Whose tokens a process takes.

use std::fs;
use std::time::Duration;

use runtime::{Bearer, Issuer, Process};

use crate::stage::settings;

const MINUTE: Duration = Duration::from_secs(60);

fn buyer() -> Bearer {
    Bearer {
        subject: "alice".to_owned(),
        roles: vec!["buyer".to_owned()],
        locale: Some("ko".to_owned()),
        ..Bearer::default()
    }
}

#[tokio::test]
async fn servers_that_share_the_data_folder_share_the_issuer() {
    let folder = tempfile::tempdir().expect("a folder");
    let process = Process::begin(settings(folder.path(), &[])).await.expect("begins");
    let issuer = Issuer::development(&settings(folder.path(), &[])).expect("a key");
    let token = issuer.mint(&buyer(), MINUTE).expect("signs");
    let caller = process.verifier.verify(&token).expect("trusted");
    assert_eq!(caller.buyer().expect("a buyer").as_str(), "alice");
    assert_eq!(caller.locale, kernel::Locale::Ko);

    let elsewhere = tempfile::tempdir().expect("a folder");
    let stranger = Issuer::development(&settings(elsewhere.path(), &[])).expect("a key");
    let token = stranger.mint(&buyer(), MINUTE).expect("signs");
    assert!(process.verifier.verify(&token).is_err());
}

#[tokio::test]
async fn our_own_servers_are_known_by_the_service_role() {
    let folder = tempfile::tempdir().expect("a folder");
    let process = Process::begin(settings(folder.path(), &[])).await.expect("begins");
    let header = process.service_token.current().expect("a token");
    let token = header.to_str().expect("ascii").strip_prefix("Bearer ").expect("a bearer");
    let caller = process.verifier.verify(token).expect("trusted");
    assert_eq!(caller.service(), Ok(()));
    assert!(caller.buyer().is_err());
    assert_eq!(process.service_token.current().expect("a token"), header, "kept while it is good");
}

#[test]
fn the_development_issuer_serves_only_loopback() {
    let folder = tempfile::tempdir().expect("a folder");
    for (flag, name) in
        [("--rest-addr", "REST_ADDR"), ("--grpc-addr", "GRPC_ADDR"), ("--admin-addr", "ADMIN_ADDR")]
    {
        let open = if flag == "--admin-addr" {
            settings(folder.path(), &[flag, "0.0.0.0:0"])
        } else {
            let mut open = settings(folder.path(), &[]);
            let everywhere = "0.0.0.0:0".parse().expect("an address");
            if flag == "--rest-addr" {
                open.rest_addr = everywhere
            } else {
                open.grpc_addr = everywhere
            }
            open
        };
        let line = Issuer::development(&open).expect_err("refused").to_string();
        assert!(line.starts_with(name) && line.contains("OIDC_ISSUER"), "{line}");
    }
}

#[tokio::test]
async fn a_configured_issuer_takes_the_development_issuers_place() {
    let (folder, theirs) =
        (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let outside = Issuer::development(&settings(theirs.path(), &[])).expect("a key");
    let jwks = theirs.path().join("jwks.json");
    fs::write(&jwks, outside.jwks()).expect("writes");
    let jwks = jwks.to_str().expect("a plain path");
    let words = ["--oidc-issuer", runtime::DEVELOPMENT_ISSUER, "--oidc-jwks-file", jwks];
    let process = Process::begin(settings(folder.path(), &words)).await.expect("begins");
    let token = outside.mint(&buyer(), MINUTE).expect("signs");
    assert!(process.verifier.verify(&token).is_ok());
    let header = process.service_token.current().expect("a token");
    let own = header.to_str().expect("ascii").strip_prefix("Bearer ").expect("a bearer");
    assert_eq!(process.verifier.verify(own).expect("trusted").service(), Ok(()));
    assert!(!folder.path().join("issuer.key").exists(), "no development key");

    drop(process);
    let missing = ["--oidc-issuer", "https://id.test", "--oidc-jwks-file", "/nowhere/keys.json"];
    let error = Process::begin(settings(folder.path(), &missing)).await.expect_err("no file");
    assert!(error.to_string().starts_with("OIDC_JWKS_FILE: /nowhere/keys.json"), "{error}");
}
