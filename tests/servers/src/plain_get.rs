//! One plain GET over HTTP, to ask a server how it is.

use std::io::{Error, ErrorKind, Read, Result as IoResult, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

const ANSWERS_WITHIN: Duration = Duration::from_secs(2);
/// What is longer is cut off: 16 MiB.
const ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// What a server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// Whether the page is answered with 200.
///
/// # Errors
/// With the answer, or why there is none.
pub fn is_ok(address: SocketAddr, path: &str) -> Result<(), String> {
    match get(&address.to_string(), path, ANSWERS_WITHIN) {
        Ok(Answer { status: 200, .. }) => Ok(()),
        Ok(Answer { status, body }) => Err(format!("{status} {body}")),
        Err(error) => Err(error.to_string()),
    }
}

/// GETs a page of `host:port`. It may take so long to connect, and so long again for each part of the answer.
///
/// # Errors
/// When there is no answer.
pub fn get(authority: &str, path: &str, within: Duration) -> IoResult<Answer> {
    let mut server = connect(authority, within)?;
    server.set_read_timeout(Some(within))?;
    // To HTTP/1.0 a body is sent as it is, to the end of the connection.
    write!(server, "GET {path} HTTP/1.0\r\nHost: {authority}\r\nAccept: */*\r\n\r\n")?;
    let mut answer = Vec::new();
    server.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    parse(&answer).ok_or_else(|| Error::new(ErrorKind::InvalidData, "it does not speak HTTP"))
}

fn connect(authority: &str, within: Duration) -> IoResult<TcpStream> {
    let mut refused = Error::new(ErrorKind::NotFound, "the name has no address");
    for address in authority.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, within) {
            Ok(server) => return Ok(server),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

fn parse(answer: &str) -> Option<Answer> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.trim_end();
    Some(Answer { status: status.get(..3)?.parse().ok()?, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_a_status_and_a_body() {
        let answer = |status, body: &str| Some(Answer { status, body: body.to_owned() });
        assert_eq!(parse("HTTP/1.0 200 OK\r\nA: b\r\n\r\nc\r\n\r\nd"), answer(200, "c\r\n\r\nd"));
        assert_eq!(parse("HTTP/1.1 503\r\n\r\n"), answer(503, ""));
        assert_eq!(parse("SSH-2.0-x\r\n\r\n"), None);
        assert_eq!(parse("HTTP/1.1 200 OK\r\n"), None);
    }
}
