//! Two servers of others that speak as Stripe does. Neither is like it in everything: one knows keys and no intents, the
//! other intents and no keys.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::ports::free_address;
use crate::programs;
use crate::server::{Kind, Life, Server};

const STATEFUL: &str = include_str!("../stripe/stateful.js");
const LOCAL: &str = include_str!("../stripe/local.py");
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

#[derive(Debug)]
struct Stripe {
    name: &'static str,
    program: PathBuf,
    script: PathBuf,
    address: SocketAddr,
    modules: Option<PathBuf>,
}

/// Starts stripe-stateful-mock, with intents over its charges: keys, declines, failures, limits of refunds. What its
/// script says of words before a token, it does.
///
/// # Errors
/// What is missing, or why it did not start.
pub fn stateful_stripe(folder: &Path, life: Life) -> Result<Server, String> {
    let program = programs::tool("node")?;
    let modules = program.ancestors().nth(2).map(|tools| tools.join("node_modules"));
    start(folder, ("stripe-stateful-mock", program, "stateful.js", STATEFUL), modules, life)
}

/// Starts localstripe: intents with all their states, and events that are signed and posted.
///
/// # Errors
/// What is missing, or why it did not start.
pub fn localstripe(folder: &Path, life: Life) -> Result<Server, String> {
    start(folder, ("localstripe", programs::tool("python")?, "local.py", LOCAL), None, life)
}

fn start(
    folder: &Path,
    (name, program, file, script): (&'static str, PathBuf, &str, &str),
    modules: Option<PathBuf>,
    life: Life,
) -> Result<Server, String> {
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let path = folder.join(file);
    fs::write(&path, script).map_err(|error| format!("{}: {error}", path.display()))?;
    let address = free_address()?;
    let kind = Stripe { name, program, script: path, address, modules };
    Server::start(Box::new(kind), folder, (address, format!("http://{address}")), life)
}

impl Kind for Stripe {
    fn name(&self) -> &'static str {
        self.name
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(&self.script).arg(self.address.to_string());
        command.envs(self.modules.as_ref().map(|modules| ("NODE_PATH", modules)));
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
