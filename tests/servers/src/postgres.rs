//! A private PostgreSQL.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::account::Account;
use crate::ports::free_address;
use crate::programs;
use crate::server::{Kind, Life, Server};

const USER: &str = "boxoffice";
const CONNECTIONS_MAX: &str = "max_connections=600";
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);
/// Protocol 3.0, as the first packet says it.
const PROTOCOL: u32 = 3 << 16;

#[derive(Debug)]
struct Postgres {
    account: Account,
    program: PathBuf,
    folder: PathBuf,
    port: u16,
}

/// Starts a PostgreSQL whose data is in `folder`, with commits on disk as in production, and waits until it answers.
///
/// # Errors
/// What is missing, or why it did not start.
pub fn postgres(folder: &Path, life: Life) -> Result<Server, String> {
    let account = Account::ordinary()?;
    let (initdb, program) = (programs::postgres("initdb")?, programs::postgres("postgres")?);
    account.make_folder(folder)?;
    let data = folder.join("data");
    if !data.exists() {
        let mut init = account.command(&initdb, folder);
        init.arg("-D").arg(&data).args(["-U", USER, "--auth=trust", "-E", "UTF8", "--locale=C"]);
        programs::run_quietly(&mut init)?;
    }
    let address = free_address()?;
    let kind = Postgres { account, program, folder: folder.to_owned(), port: address.port() };
    Server::start(Box::new(kind), folder, (address, format!("postgres://{USER}@{address}")), life)
}

impl Kind for Postgres {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn command(&self) -> Command {
        let mut command = self.account.command(&self.program, &self.folder);
        command.arg("-D").arg(self.folder.join("data")).args(["-p", &self.port.to_string()]);
        // Nothing but the loopback port: a socket's path may be too long below a temporary folder.
        let settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", CONNECTIONS_MAX];
        command.args(settings.iter().flat_map(|setting| ["-c", setting]));
        command
    }

    /// Says hello as the user: while the database recovers it takes connections, but answers with an error.
    fn answers(&self, address: SocketAddr) -> Result<(), String> {
        say_hello(address)
            .map_err(|error| error.to_string())?
            .then_some(())
            .ok_or_else(|| "it recovers".to_owned())
    }

    fn stop_signal(&self) -> Signal {
        Signal::INT
    }
}

fn say_hello(address: SocketAddr) -> std::io::Result<bool> {
    let mut server = TcpStream::connect_timeout(&address, ANSWERS_WITHIN)?;
    server.set_read_timeout(Some(ANSWERS_WITHIN))?;
    let names = format!("user\0{USER}\0database\0postgres\0\0");
    let length = u32::try_from(names.len() + 8).unwrap_or(u32::MAX);
    let hello = [&length.to_be_bytes()[..], &PROTOCOL.to_be_bytes(), names.as_bytes()].concat();
    server.write_all(&hello)?;
    let mut kind_of_answer = [0];
    server.read_exact(&mut kind_of_answer)?;
    // `R` is the answer to a login, `E` an error. `X` says goodbye.
    server.write_all(b"X\0\0\0\x04")?;
    Ok(kind_of_answer == *b"R")
}
