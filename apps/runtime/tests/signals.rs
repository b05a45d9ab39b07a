//! The first signal stops the process in order, the second at once. Alone in its file, because
//! signals reach the whole process.
#![expect(clippy::expect_used, reason = "a broken stage stops its test where it broke")]

use std::process::ExitCode;

use clap::Parser;
use grpc_server::Drained;
use runtime::{Process, Settings};
use rustix::process::{Signal, getpid, kill_process};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    settings: Settings,
}

/// A process whose door sends the first signal once it is open.
async fn process(data_dir: &str) -> Process {
    let words = ["server", "--data-dir", data_dir, "--admin-addr", "127.0.0.1:0"];
    let settings = Line::try_parse_from(words).expect("right").settings;
    let mut process = Process::begin(settings).await.expect("begins");
    process.outer_door("door", |stopping| async move {
        kill_process(getpid(), Signal::TERM).map_err(|error| error.to_string())?;
        stopping.cancelled().await;
        Ok::<_, String>(Drained::Cleanly)
    });
    process
}

#[tokio::test]
async fn one_signal_is_exit_0_and_two_are_exit_1() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().to_str().expect("a plain path");
    let once = process(data_dir).await;
    assert_eq!(once.run().await.expect("hears signals"), ExitCode::SUCCESS);

    let twice = process(data_dir).await;
    twice.workers.spawn("deaf", |stopping| async move {
        stopping.cancelled().await;
        kill_process(getpid(), Signal::INT).expect("sends");
        std::future::pending().await
    });
    assert_eq!(twice.run().await.expect("hears signals"), ExitCode::FAILURE);
}
