//! The requests to JetStream that the platform itself never makes.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// Deletes a stream with all that is in it, as an operator's mistake does.
///
/// # Errors
/// What the server answered instead of doing it.
pub fn delete_stream(nats_url: &str, stream: &str) -> Result<(), String> {
    let answer = ask(nats_url, &format!("$JS.API.STREAM.DELETE.{stream}"))?;
    if answer.contains("\"success\":true") { Ok(()) } else { Err(answer) }
}

/// How many messages of a stream a consumer was not given yet.
///
/// # Errors
/// What the server answered instead of the number.
pub fn not_delivered(nats_url: &str, stream: &str, consumer: &str) -> Result<u64, String> {
    let answer = ask(nats_url, &format!("$JS.API.CONSUMER.INFO.{stream}.{consumer}"))?;
    let info: serde_json::Value =
        serde_json::from_str(&answer).map_err(|error| format!("{error}: {answer}"))?;
    info.get("num_pending").and_then(serde_json::Value::as_u64).ok_or(answer)
}

/// The first message that answers an empty request.
fn ask(nats_url: &str, subject: &str) -> Result<String, String> {
    let address = nats_url.trim_start_matches("nats://");
    first_message(address, subject).map_err(|error| format!("{nats_url}: {error}"))
}

fn first_message(address: &str, subject: &str) -> std::io::Result<String> {
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
