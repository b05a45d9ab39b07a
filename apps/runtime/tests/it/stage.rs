//! Settings for a process of a test, and the little HTTP that its admin port needs.

use std::net::SocketAddr;
use std::path::Path;

use clap::Parser;
use runtime::Settings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    settings: Settings,
}

/// Free ports of loopback, and this data folder.
pub(crate) fn settings(data_dir: &Path, more: &[&str]) -> Settings {
    let data_dir = data_dir.to_str().expect("a plain path");
    let ports = ["--rest-addr", "127.0.0.1:0", "--grpc-addr", "127.0.0.1:0"];
    let data = ["--data-dir", data_dir];
    let own_admin = more.contains(&"--admin-addr");
    let admin = if own_admin { &[][..] } else { &["--admin-addr", "127.0.0.1:0"] };
    let words = [&["server"], admin, &ports[..], &data, more].concat();
    Line::try_parse_from(words).expect("right").settings
}

/// The whole answer, head and body, to a request without a body.
pub(crate) async fn http(address: SocketAddr, request_line: &str) -> String {
    let mut connection = TcpStream::connect(address).await.expect("listens");
    let request = format!("{request_line} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await.expect("writes");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.expect("reads");
    answer
}
