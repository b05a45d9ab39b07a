//! Clients and attackers in Python: scripts under `python/`, run by the Python of the tools.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use testkit::{repository, tool};
use tokio::process::Command;

/// The modules that Python's own compiler generates from the protos.
pub(crate) async fn generated() -> TempDir {
    let generated = tempfile::tempdir().unwrap();
    let protos = repository().join("proto");
    let mut files = Vec::new();
    collect(&protos, &mut files);
    let mut protoc = Command::new(tool("python"));
    protoc.args(["-m", "grpc_tools.protoc", "-I"]).arg(&protos).args(files);
    for flag in ["--python_out", "--grpc_python_out"] {
        protoc.arg(format!("{flag}={}", generated.path().display()));
    }
    let output = protoc.output().await.expect("python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    generated
}

/// Runs a script to its good end and gives what it said.
pub(crate) async fn run(script: &str, arguments: &[&str], generated: Option<&TempDir>) -> String {
    let folder = repository().join("tests/acceptance/python");
    let mut command = Command::new(tool("python"));
    command.arg(folder.join(script)).args(arguments).env("PYTHONDONTWRITEBYTECODE", "1");
    if let Some(modules) = generated {
        command.env("PYTHONPATH", modules.path());
    }
    let output = command.kill_on_drop(true).output().await.expect("python starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {said}{errors}");
    said
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
}
