//! Where the repository and its target folder are, and how programs are run in it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The repository and the folder it is built into.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// Asks cargo, which knows `CARGO_TARGET_DIR` and all other ways to choose the folder.
    pub(crate) fn find() -> Result<Self, String> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = here.ancestors().nth(2).unwrap_or(here).to_owned();
        let mut question = cargo();
        question.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(&root);
        let answer = output(&mut question)?;
        let metadata: Value =
            serde_json::from_str(&answer).map_err(|error| format!("cargo metadata: {error}"))?;
        let target = metadata.get("target_directory").and_then(Value::as_str);
        let target = PathBuf::from(target.ok_or("cargo metadata names no target folder")?);
        Ok(Self { root, target })
    }

    /// The folder of the tools; programs are in its `bin`.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }

    /// Where the programs of a profile are: `debug`, `release`.
    pub(crate) fn built(&self, profile: &str) -> PathBuf {
        self.target.join(profile)
    }

    /// The path of a tool's program.
    pub(crate) fn tool(&self, name: &str) -> PathBuf {
        self.tools().join("bin").join(name)
    }

    /// A cargo command, run in the root.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = cargo();
        command.args(arguments).current_dir(&self.root);
        command
    }

    /// A tool's command, run in the root.
    pub(crate) fn run_tool(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.tool(name));
        command.args(arguments).current_dir(&self.root);
        command
    }
}

/// Runs a command to its end with its output shown.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{program} ended with {status}")),
        Err(error) => Err(format!("{program}: {error}")),
    }
}

/// Runs a command to its end and gives what it prints.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(format!("{program} ended with {}: {why}", output.status))
    }
}

/// The cargo that runs this program, so that both are of one toolchain.
fn cargo() -> Command {
    #[expect(clippy::disallowed_methods, reason = "cargo tells where it is by this variable alone")]
    let own = std::env::var_os("CARGO");
    Command::new(own.unwrap_or_else(|| "cargo".into()))
}
