//! A private nginx that passes everything on.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::account::Account;
use crate::ports::free_address;
use crate::programs;
use crate::server::{Kind, Life, Server};

const CONFIGURATION: &str = "nginx.conf";
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// How nginx goes on to the server behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Onward {
    /// As `proxy_pass` alone does it: a connection for each request.
    Plain,
    /// Over connections that it keeps.
    Kept,
}

#[derive(Debug)]
struct Nginx {
    account: Account,
    program: PathBuf,
    folder: PathBuf,
}

/// Starts an nginx over `folder` that passes every request on to this HTTP server, and waits until it listens. It writes
/// no log of requests.
///
/// # Errors
/// What is missing, or why it did not start.
pub fn nginx(
    folder: &Path,
    behind: SocketAddr,
    onward: Onward,
    life: Life,
) -> Result<Server, String> {
    let account = Account::ordinary()?;
    account.make_folder(folder)?;
    let program = programs::nginx()?;
    let address = free_address()?;
    let configuration = folder.join(CONFIGURATION);
    fs::write(&configuration, configured(folder, address, behind, onward))
        .map_err(|error| format!("{}: {error}", configuration.display()))?;
    let kind = Nginx { account, program, folder: folder.to_owned() };
    Server::start(Box::new(kind), folder, (address, format!("http://{address}")), life)
}

fn configured(folder: &Path, address: SocketAddr, behind: SocketAddr, onward: Onward) -> String {
    let folder = folder.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|of| format!("  {of}_temp_path {folder}/{of};\n"))
        .concat();
    let (keep, pass) = match onward {
        Onward::Plain => ("", ""),
        Onward::Kept => (
            " keepalive 128; keepalive_requests 1000000;",
            "      proxy_http_version 1.1;\n      proxy_set_header Connection \"\";\n",
        ),
    };
    format!(
        "daemon off;\nworker_processes auto;\npid {folder}/pid;\nerror_log stderr;\n\
         events {{ worker_connections 1024; }}\nhttp {{\n  access_log off;\n{temporary}\
         \x20 keepalive_requests 1000000;\n\
         \x20 upstream behind {{ server {behind};{keep} }}\n\
         \x20 server {{\n    listen {address};\n    location / {{\n      proxy_pass http://behind;\n\
         {pass}    }}\n  }}\n}}\n"
    )
}

impl Kind for Nginx {
    fn name(&self) -> &'static str {
        "nginx"
    }

    fn command(&self) -> Command {
        let mut command = self.account.command(&self.program, &self.folder);
        command.arg("-p").arg(&self.folder).arg("-c").arg(self.folder.join(CONFIGURATION));
        command.args(["-e", "stderr"]);
        command
    }

    fn answers(&self, address: SocketAddr) -> Result<(), String> {
        let reached = TcpStream::connect_timeout(&address, ANSWERS_WITHIN);
        reached.map(drop).map_err(|error| error.to_string())
    }

    fn stop_signal(&self) -> Signal {
        Signal::TERM
    }
}
