//! The one request to JetStream that the platform itself never makes.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// Deletes a stream with all that is in it, as an operator's mistake does.
///
/// # Errors
/// What the server answered instead of doing it.
pub fn delete_stream(nats_url: &str, stream: &str) -> Result<(), String> {
    let address = nats_url.trim_start_matches("nats://");
    let answer = ask(address, &format!("$JS.API.STREAM.DELETE.{stream}"));
    let answer = answer.map_err(|error| format!("{nats_url}: {error}"))?;
    if answer.contains("\"success\":true") { Ok(()) } else { Err(answer) }
}

/// The first message that answers an empty request.
fn ask(address: &str, subject: &str) -> std::io::Result<String> {
    let mut server = TcpStream::connect(address)?;
    server.set_read_timeout(Some(ANSWERED_WITHIN))?;
    let hello = r#"{"verbose":false,"pedantic":false}"#;
    write!(server, "CONNECT {hello}\r\nSUB answer 1\r\nPUB {subject} answer 0\r\n\r\n")?;
    let mut lines = BufReader::new(server).lines();
    while let Some(line) = lines.next().transpose()? {
        if line.starts_with("MSG answer") {
            return lines.next().unwrap_or_else(|| Ok(String::new()));
        }
        if line.starts_with("-ERR") {
            return Ok(line);
        }
    }
    Ok("no answer".to_owned())
}
