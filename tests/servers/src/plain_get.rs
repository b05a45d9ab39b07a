//! One plain GET over HTTP, to ask a server how it is.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// Whether the page is answered with 200.
///
/// # Errors
/// With the answer, or why there is none.
pub fn is_ok(address: SocketAddr, path: &str) -> Result<(), String> {
    let answer = get(address, path).map_err(|error| error.to_string())?;
    if answer.starts_with("HTTP/1.1 200") { Ok(()) } else { Err(answer) }
}

fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut server = TcpStream::connect_timeout(&address, ANSWERS_WITHIN)?;
    server.set_read_timeout(Some(ANSWERS_WITHIN))?;
    write!(server, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    server.read_to_string(&mut answer)?;
    Ok(answer)
}
