//! The programs of databases and of Prometheus: found where Debian puts them, or installed from there.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const POSTGRES: &str = "/usr/lib/postgresql";
const SYSTEM: [&str; 3] = ["/usr/sbin", "/usr/bin", "/usr/local/bin"];
const OUTPUT_SHOWN: usize = 2_000;

/// Installs as root, and starts nothing: `policy-rc.d` is how Debian is told so.
const INSTALL: &str = r#"
set -e
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 1' HUP INT TERM
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet
apt-get install --quiet --yes --no-install-recommends "$@"
"#;

/// Installs the Debian packages that are missing, by root's hand or by sudo's.
///
/// # Errors
/// When it cannot, with what to install.
pub fn install_missing() -> Result<(), String> {
    let wanted = [
        ("postgresql", postgres("initdb").is_err()),
        ("mariadb-server", mariadb("mariadbd").is_err() || mariadb("mariadb-install-db").is_err()),
        ("prometheus", prometheus("prometheus").is_err() || prometheus("promtool").is_err()),
        ("prometheus-alertmanager", prometheus("amtool").is_err()),
        ("nginx-light", nginx().is_err()),
        ("slowhttptest", slowhttptest().is_err()),
    ];
    let missing: Vec<_> =
        wanted.iter().filter(|(_, missing)| *missing).map(|(name, _)| *name).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let root = rustix::process::geteuid().is_root();
    let mut command = Command::new(if root { "sh" } else { "sudo" });
    if !root {
        // A password is asked for once, where there is somebody to ask.
        command.arg("sh");
    }
    let done = command.args(["-c", INSTALL, "install"]).args(&missing).status();
    match done {
        Ok(status) if status.success() => Ok(()),
        _ => Err(format!(
            "{0} is missing and cannot be installed: `apt-get install {0}`",
            missing.join(" ")
        )),
    }
}

/// The path of a tool that `cargo xtask tools` has set up: in the folder that `BOXOFFICE_TOOLS` names, or in the
/// target folder that the running program is in.
///
/// # Errors
/// When it is not there.
pub fn tool(name: &str) -> Result<PathBuf, String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "set by xtask for tests, no configuration of the platform"
    )]
    let given = std::env::var_os("BOXOFFICE_TOOLS").map(PathBuf::from);
    let own = std::env::current_exe().unwrap_or_default();
    let around = own.ancestors().skip(1).map(|folder| folder.join("tools"));
    let found = given.into_iter().chain(around).map(|tools| tools.join("bin").join(name));
    let missing = || format!("{name} is missing: `cargo xtask tools` sets it up");
    found.into_iter().find(|path| path.is_file()).ok_or_else(missing)
}

/// A program of PostgreSQL, of its newest version here.
///
/// # Errors
/// When it is not there.
pub fn postgres(name: &str) -> Result<PathBuf, String> {
    let mut versions: Vec<_> = fs::read_dir(POSTGRES).into_iter().flatten().flatten().collect();
    versions.sort_by_key(|entry| {
        std::cmp::Reverse(
            entry.file_name().to_str().and_then(|version| version.parse::<u32>().ok()),
        )
    });
    let folders = versions.iter().map(|version| version.path().join("bin"));
    find(name, folders.chain(searched()), "postgresql")
}

/// A program of Prometheus or of its Alertmanager.
///
/// # Errors
/// When it is not there.
pub fn prometheus(name: &str) -> Result<PathBuf, String> {
    find(name, searched(), "prometheus and prometheus-alertmanager")
}

/// nginx, which benchmarks compare the gateway with.
pub(crate) fn nginx() -> Result<PathBuf, String> {
    find("nginx", searched().chain(SYSTEM.iter().map(PathBuf::from)), "nginx-light")
}

/// slowhttptest, whose clients are slow on purpose.
///
/// # Errors
/// When it is not there.
pub fn slowhttptest() -> Result<PathBuf, String> {
    find("slowhttptest", searched(), "slowhttptest")
}

/// A program of MariaDB.
pub(crate) fn mariadb(name: &str) -> Result<PathBuf, String> {
    find(name, searched().chain(SYSTEM.iter().map(PathBuf::from)), "mariadb-server")
}

fn find(
    name: &str,
    mut folders: impl Iterator<Item = PathBuf>,
    package: &str,
) -> Result<PathBuf, String> {
    let found = folders.find_map(|folder| Some(folder.join(name)).filter(|path| path.is_file()));
    found.ok_or_else(|| format!("{name} is missing: `cargo xtask servers up` installs {package}"))
}

fn searched() -> impl Iterator<Item = PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "where the system keeps its programs")]
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).collect::<Vec<_>>().into_iter()
}

/// Runs a command to its end; what it says is shown only if it fails.
pub(crate) fn run_quietly(command: &mut Command) -> Result<(), String> {
    let program = Path::new(command.get_program()).file_name().unwrap_or(OsStr::new("")).to_owned();
    let program = program.to_string_lossy();
    let output = command.output().map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let from = said.ceil_char_boundary(said.len().saturating_sub(OUTPUT_SHOWN));
    Err(format!("{program} ended with {}: {}", output.status, said.get(from..).unwrap_or_default()))
}
