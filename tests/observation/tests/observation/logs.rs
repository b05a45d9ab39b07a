//! How much is logged, changed while a server runs; what a line never holds.

use std::io::{Read, Write};
use std::net::TcpStream;

use testkit::{Plan, Platform, PlatformServer, Shape, eventually};

use crate::world::{every_ending, lines, no_secret_in, register};

const FOLLOWED: &str = "LOG_LEVEL_FILE says what is logged";
const NOT_FOLLOWED: &str = "LOG_LEVEL_FILE is not followed";
/// Said at debug when somebody speaks nonsense to the admin port.
const NONSENSE: &str = "a connection ended early";

#[tokio::test(flavor = "multi_thread")]
async fn o04_a_file_changes_what_a_running_server_logs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("level");
    std::fs::write(&file, "info").unwrap();
    let plan = Plan::of(Shape::Embedded)
        .with("LOG_FORMAT", "json")
        .with("LOG_LEVEL", "error")
        .with("LOG_LEVEL_FILE", &file.to_string_lossy());
    let mut platform = Platform::start_as(plan).await;
    let server = platform.server("boxoffice");
    until_said(server, FOLLOWED, 1).await;
    speak_nonsense(server);
    std::fs::write(&file, "debug").unwrap();
    until_said(server, FOLLOWED, 2).await;
    assert_eq!(said(server, NONSENSE), 0, "at info nothing is said of it");
    speak_nonsense(server);
    until_said(server, NONSENSE, 1).await;

    std::fs::write(&file, "loud").unwrap();
    until_said(server, NOT_FOLLOWED, 1).await;
    speak_nonsense(server);
    until_said(server, NONSENSE, 2).await;

    let ticket = register(&platform).await;
    every_ending(&platform, &ticket).await;
    let log = platform.server("boxoffice").log_text();
    no_secret_in(&platform, "the log", &log);
}

async fn until_said(server: &PlatformServer, what: &str, times: usize) {
    eventually(what, || async {
        let said = said(server, what);
        if said >= times { Ok(()) } else { Err(format!("said {said} times")) }
    })
    .await;
}

fn said(server: &PlatformServer, what: &str) -> usize {
    // What it prints for people when it serves is no log.
    let log = server.log_text();
    let log = log.split_inclusive('\n').filter(|line| line.starts_with('{')).collect::<String>();
    lines(&log).iter().filter(|line| line["message"] == what).count()
}

/// Waits until it is answered, if only by being hung up on.
fn speak_nonsense(server: &PlatformServer) {
    let mut admin = TcpStream::connect(server.admin_url().trim_start_matches("http://")).unwrap();
    admin.write_all(b"nonsense\r\n\r\n").unwrap();
    let _hung_up = admin.read_to_end(&mut Vec::new());
}
