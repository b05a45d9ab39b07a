//! Clients and attackers in Python: scripts under `python/`, run by the Python of the tools, over clients that buf makes.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;

use tempfile::TempDir;
use testkit::{repository, tool};
use tokio::process::Command;

/// Has buf make the clients that `buf.gen.yaml` names, of these kinds, in a folder of their own.
pub(crate) async fn generated() -> TempDir {
    let generated = tempfile::tempdir().unwrap();
    let output = Command::new(tool("buf"))
        .args(["generate", "--output"])
        .arg(generated.path())
        .current_dir(repository())
        .env("PATH", path())
        .stdin(Stdio::null())
        .output()
        .await
        .expect("buf starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    generated
}

/// The tools first, where buf finds its plugins and these their interpreters.
fn path() -> OsString {
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let own = [programs(), node_modules().join(".bin")];
    std::env::join_paths(own.into_iter().chain(std::env::split_paths(&inherited))).unwrap()
}

fn programs() -> PathBuf {
    tool("node").parent().expect("a folder").to_owned()
}

/// Where what Node needs is.
pub(crate) fn node_modules() -> PathBuf {
    programs().parent().expect("a folder").join("node_modules")
}

/// Runs a script to its good end and gives what it said.
pub(crate) async fn run(script: &str, arguments: &[&str], generated: Option<&TempDir>) -> String {
    let folder = repository().join("tests/acceptance/python");
    let mut command = Command::new(tool("python"));
    command.arg(folder.join(script)).args(arguments).env("PYTHONDONTWRITEBYTECODE", "1");
    if let Some(modules) = generated {
        command.env("PYTHONPATH", modules.path().join("python"));
    }
    let output = command.kill_on_drop(true).output().await.expect("python starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {said}{errors}");
    said
}
