//! A process is killed in the middle of its commits; what it had acknowledged is there afterwards.

use std::path::Path;
use std::process::Stdio;

use kernel::Committed;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::support::{Engine, commit, marks_of, message, number, open_file, rows, scene};

#[tokio::test(flavor = "multi_thread")]
async fn f2_a_killed_process_keeps_what_it_acknowledged() {
    let folder = tempfile::TempDir::new().unwrap();
    for round in 1..=3 {
        let acknowledged = run_and_kill(folder.path(), 50 * round).await;
        let db = open_file(folder.path()).await;
        let found = number(db.reader(), "SELECT MAX(version) FROM outbox").await.unwrap();
        assert!(found >= acknowledged, "acknowledged {acknowledged}, found {found}");
        assert_eq!(rows(&db, "outbox").await, found, "without a gap");
        db.close().await;
    }
}

/// Another process commits until it has acknowledged as many; then it is killed without warning.
async fn run_and_kill(folder: &Path, acknowledgements: usize) -> i64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::commits_until_killed", "--ignored", "--nocapture"])
        .current_dir(folder)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut last = 0;
    let mut heard = 0;
    while heard < acknowledgements {
        let line = lines.next_line().await.unwrap().unwrap();
        if let Some(version) = line.strip_prefix("acknowledged ") {
            last = version.parse().unwrap();
            heard += 1;
        }
    }
    child.kill().await.unwrap();
    last
}

#[tokio::test]
#[ignore = "the other process of the test above; runs until it is killed"]
async fn commits_until_killed() {
    let db = open_file(Path::new(".")).await;
    let mut version = rows(&db, "outbox").await;
    loop {
        version += 1;
        let verdict = commit(&db, marks_of(vec![message_of(version)])).await;
        assert_eq!(verdict, Ok(Committed::Done));
        println!("acknowledged {version}");
    }
}

/// Ids follow from versions here, since every process counts its messages from one.
fn message_of(version: i64) -> kernel::Envelope {
    let id = kernel::Uuid::from_u128(u128::try_from(version).unwrap());
    kernel::Envelope { id: kernel::EventId::new(id), ..message("a", version) }
}

#[tokio::test]
async fn a_database_that_was_not_closed_opens_again() {
    let scene = scene(Engine::Sqlite).await;
    assert_eq!(commit(&scene.db, marks_of(vec![message("a", 1)])).await, Ok(Committed::Done));
    let second = scene.open_again().await;
    assert_eq!(rows(&second, "outbox").await, 1);
    assert_eq!(commit(&second, marks_of(vec![message("a", 2)])).await, Ok(Committed::Done));
    assert_eq!(rows(&scene.db, "outbox").await, 2, "two processes see each other's commits");
}
