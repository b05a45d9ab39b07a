//! A process without file descriptors waits instead of spinning (reliability.md F5). Alone in its
//! file, because the limit is the whole process's.
#![expect(clippy::expect_used, reason = "a broken stage stops its test where it broke")]

use std::fs::{self, File};
use std::time::Duration;

use grpc_server::{Listener, ListenerSettings};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

const WATCHED: Duration = Duration::from_secs(1);

#[tokio::test]
async fn f5_accepting_rests_while_there_are_no_file_descriptors() {
    let any_port = "127.0.0.1:0".parse().expect("an address");
    let listener = Listener::bind(any_port, ListenerSettings::grpc()).await.expect("a free port");
    let stopping = CancellationToken::new();
    let _client = TcpStream::connect(listener.address()).await.expect("waits in the queue");

    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(100), maximum }).expect("lowers");
    let before = cpu_ticks();
    let files: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    assert!(tokio::time::timeout(WATCHED, listener.accept(&stopping)).await.is_err());
    drop(files);
    // A hundred ticks are a second; a spinning loop would burn them all.
    assert!(cpu_ticks() - before < 20, "accepting spins");
    listener.accept(&stopping).await;
}

/// What the process has computed so far, in hundredths of a second.
fn cpu_ticks() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields = stat.rsplit_once(") ").expect("a name").1.split(' ');
    fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
}
