//! The servers that tests and people share: one of each kind, over one folder, by a file that says where they are.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use crate::process::{end, is_running, started_over};
use crate::server::{Life, Server};
use crate::{Addresses, mariadb, nats, postgres};

const FILE: &str = "addresses.json";

/// One server of each kind, as the file in its folder keeps them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Where they are.
    #[serde(flatten)]
    pub addresses: Addresses,
    /// Their names and process ids.
    pub processes: Vec<(String, u32)>,
}

/// Starts one server of each kind in a folder that is not there yet, to run until [`stop`].
///
/// # Errors
/// When the folder is taken, or one does not start; then none is left.
pub fn start(folder: &Path) -> Result<Running, String> {
    let taken = |error| {
        format!(
            "{}: {error}; `cargo xtask servers down` removes what is left there",
            folder.display()
        )
    };
    fs::create_dir(folder).map_err(taken)?;
    let started = start_all(folder).and_then(|running| {
        let text = serde_json::to_string_pretty(&running).map_err(|error| error.to_string())?;
        fs::write(file(folder), text).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(running)
    });
    started.inspect_err(|_| {
        let _left_for_down = fs::remove_dir_all(folder);
    })
}

fn start_all(folder: &Path) -> Result<Running, String> {
    let life = Life::OnItsOwn;
    let (postgres, mariadb, nats) = thread::scope(|scope| {
        let postgres = scope.spawn(|| postgres(&folder.join("postgres"), life));
        let mariadb = scope.spawn(|| mariadb(&folder.join("mariadb"), life));
        let nats = nats(&folder.join("nats"), life);
        let broken = |_| Err("a start broke off".to_owned());
        (postgres.join().unwrap_or_else(broken), mariadb.join().unwrap_or_else(broken), nats)
    });
    let (postgres, mariadb, (nats, nats_monitor)) = (postgres?, mariadb?, nats?);
    let url = |server: &Server| server.url().to_owned();
    let addresses = Addresses {
        postgres: url(&postgres),
        mariadb: url(&mariadb),
        nats: url(&nats),
        nats_monitor,
    };
    let processes = [postgres, mariadb, nats]
        .map(|server| (server.name().to_owned(), server.leave_running()))
        .into();
    Ok(Running { addresses, processes })
}

/// The servers of a folder and which of them run; none when there are none.
///
/// # Errors
/// When the file in it cannot be read.
pub fn status(folder: &Path) -> Result<Option<(Running, Vec<bool>)>, String> {
    let file = file(folder);
    let Ok(text) = fs::read_to_string(&file) else { return Ok(None) };
    let running: Running =
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    let alive = running.processes.iter().map(|(_, pid)| is_running(*pid, folder)).collect();
    Ok(Some((running, alive)))
}

/// Ends every server over a folder, also where a start broke off, and removes it; nothing to do when there is none.
///
/// # Errors
/// When one does not end, or its files cannot be removed.
pub fn stop(folder: &Path) -> Result<(), String> {
    end(&started_over(folder, &["initdb", "mariadbd", "nats-server"]), Signal::TERM)?;
    // PostgreSQL understands SIGTERM as waiting for its clients.
    end(&started_over(folder, &["postgres"]), Signal::INT)?;
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("{}: {error}", folder.display()))
        }
        _ => Ok(()),
    }
}

fn file(folder: &Path) -> PathBuf {
    folder.join(FILE)
}
