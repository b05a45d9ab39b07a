//! A private MariaDB.

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::account::Account;
use crate::ports::free_address;
use crate::programs;
use crate::server::{Kind, Life, Server};

const ANSWERS_WITHIN: Duration = Duration::from_secs(2);
/// Commits are on disk, a statement that waited too long takes its whole transaction with it.
const SETTINGS: [&str; 7] = [
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--max-connections=600",
    "--innodb-flush-log-at-trx-commit=1",
    "--sync-binlog=1",
    "--innodb-rollback-on-timeout=ON",
    // From the data's folder: a socket's path may be too long below a temporary one.
    "--socket=socket",
];
/// The version of the protocol, at its place in the server's first packet.
const GREETING: (usize, u8) = (4, 10);

#[derive(Debug)]
struct MariaDb {
    account: Account,
    program: PathBuf,
    folder: PathBuf,
    port: u16,
}

/// Starts a MariaDB whose data is in `folder`, with commits on disk as in production, and waits until it answers.
///
/// # Errors
/// What is missing, or why it did not start.
pub fn mariadb(folder: &Path, life: Life) -> Result<Server, String> {
    let account = Account::ordinary()?;
    let program = programs::mariadb("mariadbd")?;
    let install = programs::mariadb("mariadb-install-db")?;
    account.make_folder(folder)?;
    let data = folder.join("data");
    if !data.exists() {
        let mut init = account.command(&install, folder);
        init.arg("--no-defaults").arg(format!("--datadir={}", data.display()));
        init.args(["--auth-root-authentication-method=normal", "--skip-test-db"]);
        programs::run_quietly(&mut init)?;
    }
    let address = free_address()?;
    let kind = MariaDb { account, program, folder: folder.to_owned(), port: address.port() };
    Server::start(Box::new(kind), folder, (address, format!("mysql://root@{address}")), life)
}

impl Kind for MariaDb {
    fn name(&self) -> &'static str {
        "mariadb"
    }

    fn command(&self) -> Command {
        let mut command = self.account.command(&self.program, &self.folder);
        command.arg("--no-defaults");
        command.arg(format!("--datadir={}", self.folder.join("data").display()));
        command.arg(format!("--tmpdir={}", self.folder.display()));
        command.arg(format!("--pid-file={}", self.folder.join("pid").display()));
        command.arg(format!("--port={}", self.port)).args(SETTINGS);
        command
    }

    /// The server speaks first, and only when it is ready to serve.
    fn answers(&self, address: SocketAddr) -> Result<(), String> {
        let greeting = first_packet(address).map_err(|error| error.to_string())?;
        let (place, version) = GREETING;
        (greeting.get(place) == Some(&version))
            .then_some(())
            .ok_or_else(|| "it greets otherwise".to_owned())
    }

    fn stop_signal(&self) -> Signal {
        Signal::TERM
    }
}

fn first_packet(address: SocketAddr) -> std::io::Result<[u8; 5]> {
    let mut server = TcpStream::connect_timeout(&address, ANSWERS_WITHIN)?;
    server.set_read_timeout(Some(ANSWERS_WITHIN))?;
    let mut greeting = [0; 5];
    server.read_exact(&mut greeting)?;
    Ok(greeting)
}
