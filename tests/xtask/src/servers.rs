//! `cargo xtask servers`: PostgreSQL, MariaDB and NATS for tests and for trying things out.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use servers::running::{self, Running};

use crate::tools;
use crate::workspace::Workspace;

#[derive(Subcommand)]
pub(crate) enum Servers {
    /// Starts them on free loopback ports, with what is missing installed first; those that run are left alone.
    Up,
    /// Ends them and removes their data.
    Down,
    /// Says what runs where.
    Status,
}

pub(crate) fn run(workspace: &Workspace, command: &Servers) -> Result<bool, String> {
    let folder = folder()?;
    match command {
        Servers::Up => {
            up(workspace, &folder)?;
            status(&folder)
        }
        Servers::Down => {
            running::stop(&folder)?;
            println!("no servers run");
            Ok(true)
        }
        Servers::Status => status(&folder),
    }
}

/// Starts what does not run yet.
fn up(workspace: &Workspace, folder: &Path) -> Result<(), String> {
    if let Some((_, alive)) = running::status(folder)? {
        if alive.iter().all(|&alive| alive) {
            return Ok(());
        }
        println!("one of the servers has ended: all are started anew");
        running::stop(folder)?;
    }
    start(workspace, folder).map(drop)
}

/// Starts servers in a folder of one's own.
pub(crate) fn start(workspace: &Workspace, folder: &Path) -> Result<Running, String> {
    tools::set_up_python(workspace)?;
    servers::install_missing()?;
    running::start(folder)
}

fn status(folder: &Path) -> Result<bool, String> {
    let Some((running, alive)) = running::status(folder)? else {
        println!("no servers run: `cargo xtask servers up` starts them");
        return Ok(false);
    };
    for ((name, pid), alive) in running.processes.iter().zip(&alive) {
        let url = match name.as_str() {
            "postgres" => &running.addresses.postgres,
            "mariadb" => &running.addresses.mariadb,
            _ => &running.addresses.nats,
        };
        let state = if *alive { "runs" } else { "HAS ENDED" };
        println!("{name:<9} {state:<9} process {pid:<7} {url}");
    }
    println!(
        "monitoring of NATS: {}\nfolder: {}",
        running.addresses.nats_monitor,
        folder.display()
    );
    Ok(alive.iter().all(|&alive| alive))
}

fn folder() -> Result<PathBuf, String> {
    let file = servers::state_file();
    file.parent().map(Path::to_owned).ok_or_else(|| format!("{} is in no folder", file.display()))
}
