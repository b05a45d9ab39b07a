//! Stopping: silent connections, open streams and calls in flight.

use std::time::Duration;

use testkit::Platform;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::world::register;

#[tokio::test(flavor = "multi_thread")]
async fn f3_silent_connections_and_open_streams_do_not_stop_shutdown() {
    let mut platform = Platform::start().await;
    let ticket = register(&platform, "Watched", 1).await;
    let silent_grpc = TcpStream::connect(platform.grpc_addr("booking")).await.unwrap();
    let mut half_preface = TcpStream::connect(platform.grpc_addr("booking")).await.unwrap();
    half_preface.write_all(b"PRI * HTTP/2.0\r\n").await.unwrap();
    let mut settled = TcpStream::connect(platform.grpc_addr("booking")).await.unwrap();
    settled.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let silent_rest = TcpStream::connect(platform.rest_addr()).await.unwrap();
    let mut watching = TcpStream::connect(platform.rest_addr()).await.unwrap();
    let watch = format!("GET /v1/tickets/{ticket}/availability:watch HTTP/1.1\r\nHost: x\r\n\r\n");
    watching.write_all(watch.as_bytes()).await.unwrap();

    let stopped = tokio::time::timeout(Duration::from_secs(30), platform.terminate()).await;
    assert!(stopped.expect("ends within its drain limit").success(), "exit code 0");
    drop((silent_grpc, half_preface, settled, silent_rest, watching));
}
