//! TLS: on every port, between our servers, with certificates that change while calls are made.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use boxoffice::http::HttpClient;
use futures::future::join_all;
use proto::boxoffice::booking::v1::ListBookingsRequest;
use proto::boxoffice::booking::v1::booking_service_client::BookingServiceClient;
use serde_json::{Value, json};
use servers::{Signal, process};
use testkit::{Authority, Plan, Platform, Shape, Shown, TlsFolder, eventually, https, tool};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};

use crate::world::{book_confirmed, register};

const ONE_PROCESS: &str = "ports are the same in every shape";
/// Longer than any server takes to look at its files, plus the silence that it allows.
const PATIENCE: Duration = Duration::from_secs(30);

/// Calls gRPC at this address, believing these roots and showing this certificate.
async fn caller(address: &str, roots: &str, shown: Option<&Shown>) -> Result<Channel, String> {
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(roots));
    let tls = match shown {
        Some(Shown { cert, key }) => tls.identity(Identity::from_pem(cert, key)),
        None => tls,
    };
    let endpoint = Channel::from_shared(format!("https://{address}")).unwrap();
    let endpoint = endpoint.tls_config(tls).unwrap();
    endpoint.connect().await.map_err(|error| format!("{error:?}"))
}

/// Reads a buyer's bookings, which whoever is let in may.
async fn read(channel: Channel, token: &str) -> Result<(), String> {
    let mut request = tonic::Request::new(ListBookingsRequest::default());
    let bearer = format!("Bearer {token}").parse().unwrap();
    request.metadata_mut().insert("authorization", bearer);
    let read = BookingServiceClient::new(channel).list_bookings(request).await;
    read.map(|_| ()).map_err(|status| status.to_string())
}

/// What a port says to this.
async fn said_to(address: &str, bytes: &[u8]) -> Vec<u8> {
    let mut tcp = TcpStream::connect(address).await.unwrap();
    tcp.write_all(bytes).await.unwrap();
    let mut said = Vec::new();
    // A reset is an end as well.
    let ended = tokio::time::timeout(PATIENCE, tcp.read_to_end(&mut said)).await;
    assert!(ended.is_ok(), "{address} leaves who speaks plainly");
    said
}

/// A number that a server tells of itself.
fn number(page: &str, name: &str) -> Option<f64> {
    let line = page.lines().find(|line| line.split(' ').next() == Some(name))?;
    line.split(' ').nth(1)?.parse().ok()
}

/// Waits until all servers tell this number.
async fn until_all(platform: &Platform, name: &str, wanted: f64) {
    eventually(&format!("{name} {wanted} of all servers"), || async {
        for (server, page) in platform.every_admin_get("/metrics").await? {
            let is = number(&page.body, name);
            if is != Some(wanted) {
                return Err(format!("{server}: {is:?}"));
            }
        }
        Ok(())
    })
    .await;
}

/// How often a server has given up a replica of another.
fn lost_replicas(platform: &mut Platform) -> usize {
    let logs = platform.servers().iter().map(|server| server.log_text());
    logs.map(|log| log.matches("a replica is lost").count()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn r38_every_port_speaks_tls_and_nothing_else() {
    if Shape::leaves_out(Shape::Embedded, ONE_PROCESS) {
        return;
    }
    let authority = Authority::fresh("every port");
    let shown = authority.vouch(2040);
    let folder = TlsFolder::of(&shown, &authority.pem());
    let plan = Plan::of(Shape::Embedded).over_tls(&folder);
    let mut platform =
        Platform::start_as(plan.with("TLS_CLIENT_CA_FILE", &folder.file("ca.pem"))).await;
    let ticket = register(&platform, "Behind closed doors", 10).await;
    book_confirmed(&platform, "alice", &ticket, 1).await;

    let (rest, grpc) = (platform.rest_addr(), platform.grpc_addr("booking"));
    let admin = platform.servers()[0].admin_url().trim_start_matches("https://").to_owned();
    let h2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let plain: [&[u8]; 5] =
        [b"GET /live HTTP/1.1\r\nhost: here\r\n\r\n", h2, b"\x16\x03\x01", b"x", b""];
    let ports = [&rest, &grpc, &admin];
    let said = ports.iter().flat_map(|port| plain.map(|bytes| said_to(port, bytes)));
    for said in join_all(said).await {
        assert!(said.is_empty() || said[0] == 21, "an alert of TLS or nothing: {said:?}");
    }

    // Who calls gRPC shows who vouches for it; who calls REST need not.
    let alice = platform.buyer("alice");
    let roots = authority.pem();
    read(caller(&grpc, &roots, Some(&shown)).await.unwrap(), &alice).await.unwrap();
    let stranger = Authority::fresh("nobody we know").vouch(2040);
    for shown in [None, Some(&stranger)] {
        let refused = match caller(&grpc, &roots, shown).await {
            Ok(channel) => read(channel, &alice).await,
            Err(error) => Err(error),
        };
        assert!(refused.is_err(), "{shown:?} was let in");
    }
    caller(&grpc, &Authority::fresh("another").pem(), Some(&shown)).await.expect_err("not it");

    // Signals that others end by have it look at its files at once.
    folder.change(&authority.vouch(2041), &authority.pem());
    process::send(platform.servers()[0].pid().unwrap(), Signal::HUP).unwrap();
    until_all(&platform, "tls_files_taken_total", 1.0).await;
    book_confirmed(&platform, "bob", &ticket, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r38_sslyze_finds_no_old_protocol_no_weak_cipher_and_no_known_hole() {
    if Shape::leaves_out(Shape::Embedded, ONE_PROCESS) {
        return;
    }
    let authority = Authority::fresh("looked at");
    let folder = TlsFolder::of(&authority.vouch(2040), &authority.pem());
    let plan = Plan::of(Shape::Embedded).over_tls(&folder);
    let mut platform =
        Platform::start_as(plan.with("TLS_CLIENT_CA_FILE", &folder.file("ca.pem"))).await;
    let admin = platform.servers()[0].admin_url().trim_start_matches("https://").to_owned();
    let ports = [platform.rest_addr(), platform.grpc_addr("booking"), admin];
    let report = sslyze(&folder, &platform.data_dir().join("sslyze.json"), &ports).await;
    let results = report["server_scan_results"].as_array().unwrap();
    assert_eq!(results.len(), ports.len());
    for scanned in results {
        let found = &scanned["scan_result"];
        for old in ["ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1"] {
            assert_eq!(accepted(found, old), Vec::<String>::new(), "{old}");
        }
        let ciphers = accepted(found, "tls_1_2");
        assert!(!ciphers.is_empty(), "{found}");
        for cipher in ciphers {
            let strong = cipher.starts_with("TLS_ECDHE_")
                && (cipher.contains("_GCM_") || cipher.contains("_CHACHA20_POLY1305_"));
            assert!(strong, "{cipher}");
        }
        assert!(!accepted(found, "tls_1_3").is_empty(), "{found}");
        for (scan, hole) in [
            ("heartbleed", "is_vulnerable_to_heartbleed"),
            ("openssl_ccs_injection", "is_vulnerable_to_ccs_injection"),
            ("tls_compression", "supports_compression"),
            ("tls_1_3_early_data", "supports_early_data"),
            ("session_renegotiation", "is_vulnerable_to_client_renegotiation_dos"),
        ] {
            assert_eq!(found[scan]["result"][hole], false, "{scan}: {}", found[scan]);
        }
        let robot = &found["robot"]["result"]["robot_result"];
        assert_eq!(robot, "NOT_VULNERABLE_RSA_NOT_SUPPORTED");
    }
    assert_eq!(platform.admin_get("/ready").await.status, 200, "it has survived");
}

/// The ciphers of a version that are accepted.
fn accepted(found: &Value, version: &str) -> Vec<String> {
    let scan = &found[format!("{version}_cipher_suites")];
    assert_eq!(scan["status"], "COMPLETED", "{version}: {scan}");
    let suites = scan["result"]["accepted_cipher_suites"].as_array().unwrap();
    suites.iter().map(|one| one["cipher_suite"]["name"].as_str().unwrap().to_owned()).collect()
}

async fn sslyze(folder: &TlsFolder, report: &Path, ports: &[String]) -> Value {
    let scans = [
        "--sslv2",
        "--sslv3",
        "--tlsv1",
        "--tlsv1_1",
        "--tlsv1_2",
        "--tlsv1_3",
        "--heartbleed",
        "--openssl_ccs",
        "--compression",
        "--early_data",
        "--reneg",
        "--robot",
    ];
    let mut sslyze = tokio::process::Command::new(tool("sslyze"));
    sslyze.args(scans).args(["--mozilla_config", "disable", "--quiet", "--json_out"]);
    sslyze.arg(report);
    sslyze.args(["--cert", &folder.file("cert.pem"), "--key", &folder.file("key.pem")]);
    let done = sslyze.args(ports).output().await.unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    let report = std::fs::read(report).unwrap_or_else(|error| panic!("{error}: {said}"));
    serde_json::from_slice(&report).unwrap()
}

/// Makes calls until it is told to stop, and gives how many there were. None may fail.
async fn calls(platform: &Platform, http: &HttpClient, ticket: &str, stop: &AtomicBool) -> u32 {
    let (token, mut made) = (platform.buyer("alice"), 0);
    while !stop.load(Ordering::Relaxed) {
        let found = http.get(format!("/v1/tickets/{ticket}")).send().await.unwrap();
        assert_eq!(found.status, 200, "{}", found.json);
        let wish = json!({"ticketId": ticket, "quantity": 1, "paymentMethod": "ok"});
        let booked = http.post("/v1/bookings").token(&token).json(wish).send().await.unwrap();
        assert_eq!(booked.text("status"), "BOOKING_STATUS_CONFIRMED", "{}", booked.json);
        made += 1;
    }
    made
}

#[tokio::test(flavor = "multi_thread")]
async fn r38_servers_change_certificates_and_those_who_vouch_for_them_and_no_call_fails() {
    if Shape::leaves_out(Shape::Postgres, "it is about calls between servers") {
        return;
    }
    let (old, new) = (Authority::fresh("old"), Authority::fresh("new"));
    let (old_shown, new_shown) = (old.vouch(2040), new.vouch(2041));
    let both = old.pem() + &new.pem();
    let folder = TlsFolder::of(&old_shown, &old.pem());
    let plan = Plan::of(Shape::Postgres).over_tls(&folder);
    let mut platform =
        Platform::start_as(plan.with("TLS_CLIENT_CA_FILE", &folder.file("ca.pem"))).await;
    let ticket = register(&platform, "The show goes on", 100_000).await;
    let alice = platform.buyer("alice");
    let booking = platform.grpc_addr("booking");
    let early = caller(&booking, &old.pem(), Some(&old_shown)).await.unwrap();
    read(early.clone(), &alice).await.unwrap();
    let lost = lost_replicas(&mut platform);

    // Clients of REST believe both, as they would the world's authorities.
    let believing = TlsFolder::of(&old_shown, &both);
    let gateway: SocketAddr = platform.rest_addr().parse().unwrap();
    let http = HttpClient::over_tls(format!("https://{gateway}"), https(&believing.path()));
    let stop = AtomicBool::new(false);
    let rotation = async {
        for (nth, (shown, roots)) in
            [(&old_shown, &both), (&new_shown, &both), (&new_shown, &new.pem())].iter().enumerate()
        {
            folder.change(shown, roots);
            let nth = f64::from(u32::try_from(nth + 1).unwrap());
            until_all(&platform, "tls_files_taken_total", nth).await;
        }
        let broken = Shown { cert: new_shown.cert.clone(), key: old_shown.key.clone() };
        folder.change(&broken, &new.pem());
        until_all(&platform, "tls_files_refused", 1.0).await;
        folder.change(&new_shown, &new.pem());
        until_all(&platform, "tls_files_refused", 0.0).await;
        stop.store(true, Ordering::Relaxed);
    };
    let made = tokio::join!(
        calls(&platform, &http, &ticket, &stop),
        calls(&platform, &http, &ticket, &stop),
        calls(&platform, &http, &ticket, &stop),
        rotation
    );
    assert!(made.0 > 0 && made.1 > 0 && made.2 > 0, "{made:?}");

    // What was open stays; who comes now must show what is believed now.
    read(early, &alice).await.unwrap();
    let refused = match caller(&booking, &new.pem(), Some(&old_shown)).await {
        Ok(channel) => read(channel, &alice).await,
        Err(error) => Err(error),
    };
    assert!(refused.is_err(), "the old authority is believed no more");
    read(caller(&booking, &new.pem(), Some(&new_shown)).await.unwrap(), &alice).await.unwrap();
    assert_eq!(lost_replicas(&mut platform), lost, "no replica was given up for it");
    platform.audit_is_clean().await;
}
