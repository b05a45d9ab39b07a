//! The servers of one test run: those that run already, or its own, which end with it however it ends.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use servers::running;

use crate::servers::start;
use crate::workspace::Workspace;

/// Servers for one run.
pub(crate) struct RunServers {
    /// The file that says where they are.
    pub(crate) file: PathBuf,
    guard: Option<Child>,
}

impl RunServers {
    /// Those that run already, or else fresh ones.
    pub(crate) fn get(workspace: &Workspace) -> Result<Self, String> {
        #[expect(
            clippy::disallowed_methods,
            reason = "how whoever starts this names their servers"
        )]
        if let Some(file) = std::env::var_os("BOXOFFICE_SERVERS") {
            return Ok(Self { file: file.into(), guard: None });
        }
        let shared = servers::state_file();
        let folder = shared.parent().unwrap_or(&shared);
        let running = running::status(folder)?;
        if running.is_some_and(|(_, alive)| alive.iter().all(|&alive| alive)) {
            println!("over the servers of {}", shared.display());
            return Ok(Self { file: shared, guard: None });
        }
        Self::start(workspace, &folder.with_extension(std::process::id().to_string()))
    }

    fn start(workspace: &Workspace, folder: &Path) -> Result<Self, String> {
        let guard = Some(guard(folder)?);
        let run_servers = Self { file: folder.join("addresses.json"), guard };
        start(workspace, folder)?;
        Ok(run_servers)
    }
}

impl Drop for RunServers {
    fn drop(&mut self) {
        let Some(mut guard) = self.guard.take() else { return };
        drop(guard.stdin.take());
        if !guard.wait().is_ok_and(|status| status.success()) {
            println!("the servers of this run may still run");
        }
    }
}

/// A process that outlives this one by as long as it takes to end the servers: also after Ctrl-C, which it is out of
/// reach of, and after kill -9.
fn guard(folder: &Path) -> Result<Child, String> {
    // Not by its path: the build of the tests has put another program there.
    let mut guard = Command::new("/proc/self/exe");
    let guard = guard.arg("guard-servers").stdin(Stdio::piped()).process_group(0).spawn();
    let mut guard = guard.map_err(|error| format!("guard of the servers: {error}"))?;
    let told = guard.stdin.as_mut().map(|pipe| writeln!(pipe, "{}", folder.display()));
    told.ok_or("guard of the servers: no pipe")?.map_err(|error| error.to_string())?;
    Ok(guard)
}

/// What the guard does: it reads its folder, waits for the end of its input, and ends the servers over the folder.
pub(crate) fn stand_guard() -> Result<bool, String> {
    let mut folder = String::new();
    let read = std::io::stdin().read_to_string(&mut folder);
    read.map_err(|error| format!("standard input: {error}"))?;
    running::stop(Path::new(folder.trim_end()))?;
    Ok(true)
}
