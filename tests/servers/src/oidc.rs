//! An OpenID provider that is certified as one: oidc-provider, with a door for tests beside it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use crate::plain_get;
use crate::ports::free_address;
use crate::programs;
use crate::server::{Kind, Life, Server};

const SCRIPT: &str = include_str!("../oidc/provider.js");

#[derive(Debug)]
struct OidcProvider {
    node: PathBuf,
    script: PathBuf,
    modules: PathBuf,
    address: SocketAddr,
    token_seconds: u32,
}

/// The secret of every client of [`oidc_provider`].
pub const OIDC_CLIENT_SECRET: &str = "a secret: of this test";

/// Starts oidc-provider, whose URL is the issuer's name. Its clients, people among them, get tokens that are good for so
/// many seconds; which they are, and what its door for tests gives, its script says.
///
/// # Errors
/// What is missing, or why it did not start.
pub fn oidc_provider(folder: &Path, token_seconds: u32, life: Life) -> Result<Server, String> {
    let node = programs::tool("node")?;
    let modules = node.ancestors().nth(2).map(|tools| tools.join("node_modules"));
    let modules = modules.ok_or_else(|| "node stands alone".to_owned())?;
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let script = folder.join("provider.js");
    fs::write(&script, SCRIPT).map_err(|error| format!("{}: {error}", script.display()))?;
    let address = free_address()?;
    let kind = OidcProvider { node, script, modules, address, token_seconds };
    Server::start(Box::new(kind), folder, (address, format!("http://{address}")), life)
}

impl Kind for OidcProvider {
    fn name(&self) -> &'static str {
        "oidc-provider"
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.node);
        command.arg(&self.script).arg(self.address.to_string());
        command.env("NODE_PATH", &self.modules);
        command.env("TOKEN_SECONDS", self.token_seconds.to_string());
        command
    }

    fn answers(&self, address: SocketAddr) -> Result<(), String> {
        plain_get::is_ok(address, "/.well-known/openid-configuration")
    }

    fn stop_signal(&self) -> Signal {
        Signal::TERM
    }
}
