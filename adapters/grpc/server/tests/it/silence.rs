//! Connections that say nothing, or too little (reliability.md F3), and too many of them (F5).

use std::time::Duration;

use grpc_server::{Drained, Listener, ListenerSettings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::stage::{self, Stage};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const EMPTY_SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];

/// A client that says this and then nothing. A call by another client shows that the server has
/// taken the connection from the kernel's queue, which keeps their order.
async fn silent(stage: &Stage, says: &[u8]) -> TcpStream {
    let mut client = TcpStream::connect(stage.address).await.expect("connects");
    client.write_all(says).await.expect("writes");
    stage.call("who").await.expect("serves others");
    client
}

#[tokio::test]
async fn f3_a_client_that_says_nothing_does_not_stop_shutdown() {
    let stage = stage::open(10, Duration::from_secs(60)).await;
    let _client = silent(&stage, b"").await;
    assert_eq!(stage.stop().await, Drained::Cleanly);
}

#[tokio::test]
async fn f3_half_a_preface_does_not_stop_shutdown() {
    let stage = stage::open(10, Duration::from_secs(60)).await;
    let _client = silent(&stage, &PREFACE[..12]).await;
    assert_eq!(stage.stop().await, Drained::Cleanly);
}

#[tokio::test]
async fn f3_a_preface_and_then_silence_holds_shutdown_no_longer_than_the_drain() {
    let stage = stage::open(10, Duration::from_millis(100)).await;
    let mut client = silent(&stage, &[PREFACE, &EMPTY_SETTINGS].concat()).await;
    assert_eq!(stage.stop().await, Drained::Forced);
    let mut rest = Vec::new();
    // The connection is cut, so reading it to its end comes to an end.
    let _ = client.read_to_end(&mut rest).await;
}

#[tokio::test]
async fn f3_silence_is_ended_by_its_deadline_while_the_server_runs() {
    let hasty = ListenerSettings {
        first_bytes_deadline: Duration::from_millis(50),
        ..ListenerSettings::grpc()
    };
    let stage = stage::open_with(10, Duration::from_secs(60), hasty).await;
    for says in [b"".as_slice(), &PREFACE[..12], PREFACE] {
        let mut client = TcpStream::connect(stage.address).await.expect("connects");
        client.write_all(says).await.expect("writes");
        let mut rest = Vec::new();
        let _ = client.read_to_end(&mut rest).await;
    }
    assert_eq!(stage.call("still here").await.expect("serves others"), "still here");
}

#[tokio::test]
async fn f5_no_more_connections_than_the_cap() {
    let any_port = "127.0.0.1:0".parse().expect("an address");
    let one = ListenerSettings { connections_max: 1, ..ListenerSettings::grpc() };
    let listener = Listener::bind(any_port, one).await.expect("a free port");
    let stopping = CancellationToken::new();
    let _first = TcpStream::connect(listener.address()).await.expect("connects");
    let _second = TcpStream::connect(listener.address()).await.expect("waits in the queue");
    let held = listener.accept(&stopping).await;
    let mut next = Box::pin(listener.accept(&stopping));
    assert!(futures::poll!(next.as_mut()).is_pending());
    drop(held);
    let _ = next.await;
}
