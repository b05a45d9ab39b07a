//! Processes by their ids, with all that they have started: ended politely or without warning.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

const GONE_WITHIN: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(10);

/// Whether a process runs that was started with this path: an id may have become another's.
#[must_use]
pub fn is_running(pid: u32, path: &Path) -> bool {
    let path = path.as_os_str().as_encoded_bytes();
    is_alive(pid) && arguments(pid).windows(path.len().max(1)).any(|part| part == path)
}

/// The processes of one of these programs that were started over a folder.
#[must_use]
pub fn started_over(folder: &Path, programs: &[&str]) -> Vec<u32> {
    let is_one = |pid: &u32| {
        let arguments = arguments(*pid);
        let program = arguments.split(|byte| *byte == 0).next().unwrap_or_default();
        let program = program.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        programs.iter().any(|name| name.as_bytes() == program)
    };
    // The slash keeps those of a folder apart whose name is but longer.
    everyone().filter(is_one).filter(|pid| is_running(*pid, &folder.join(""))).collect()
}

fn arguments(pid: u32) -> Vec<u8> {
    fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()
}

fn everyone() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Sends a signal; a process that is gone has no need of it.
///
/// # Errors
/// When it is not allowed.
pub fn send(pid: u32, signal: Signal) -> Result<(), String> {
    let process = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let process = process.ok_or_else(|| format!("{pid} is no process' id"))?;
    match kill_process(process, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(format!("process {pid}: {error}")),
    }
}

/// Ends a process and all it has started, as a power failure would.
///
/// # Errors
/// When it is not allowed.
pub fn kill_tree(pid: u32) -> Result<(), String> {
    // A stopped process starts nothing while its children are counted.
    send(pid, Signal::STOP)?;
    let mut family = descendants(pid);
    family.push(pid);
    for &member in family.iter().rev() {
        send(member, Signal::KILL)?;
    }
    Ok(())
}

/// The processes that a process has started, and theirs.
#[must_use]
pub fn descendants(pid: u32) -> Vec<u32> {
    let parent = |id| Some((id, parent_and_state(id)?.0));
    let parents: Vec<_> = everyone().filter_map(parent).collect();
    let mut found = vec![pid];
    let mut looked_at = 0;
    while let Some(&parent) = found.get(looked_at) {
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(id, _)| id));
        looked_at += 1;
    }
    found.split_off(1)
}

/// Waits until none of these processes is left.
///
/// # Errors
/// With the one that is still there.
pub fn wait_gone(pids: &[u32]) -> Result<(), String> {
    let patience = Instant::now() + GONE_WITHIN;
    for &pid in pids {
        while is_alive(pid) {
            if Instant::now() > patience {
                return Err(format!("process {pid} does not end"));
            }
            sleep(PAUSE);
        }
    }
    Ok(())
}

/// Asks processes to end, and ends those that do not, with all that they have started.
///
/// # Errors
/// When one does not end.
pub fn end(pids: &[u32], signal: Signal) -> Result<(), String> {
    let families: Vec<_> = pids.iter().flat_map(|&pid| descendants(pid)).collect();
    for &pid in pids {
        send(pid, signal)?;
    }
    if wait_gone(pids).is_err() {
        for &pid in pids {
            kill_tree(pid)?;
        }
    }
    wait_gone(&[pids, &families].concat())
}

/// One that has ended counts as gone, also before its parent has noticed; but not while one of its threads is left, which
/// keeps its ports open.
fn is_alive(pid: u32) -> bool {
    let Some((_, state)) = parent_and_state(pid) else { return false };
    let threads = fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    threads > 1 || (state != 'Z' && state != 'X')
}

fn parent_and_state(pid: u32) -> Option<(u32, char)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything, parentheses too.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((fields.next()?.parse().ok()?, state))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_killed_process_takes_what_it_started_with_it() {
        let mut shell = Command::new("sh");
        shell.args(["-c", "sleep 1000 & sleep 1000"]).stdin(Stdio::null());
        let mut shell = shell.spawn().unwrap();
        let patience = Instant::now() + GONE_WITHIN;
        while descendants(shell.id()).len() < 2 && Instant::now() < patience {
            sleep(PAUSE);
        }
        let children = descendants(shell.id());
        assert_eq!(children.len(), 2, "both sleep");
        kill_tree(shell.id()).unwrap();
        shell.wait().unwrap();
        wait_gone(&children).unwrap();
    }

    #[test]
    fn a_process_is_known_by_the_folder_it_was_started_over() {
        let own = std::process::id();
        assert!(!is_running(own, Path::new("/nobody/was/started/here")));
        let program = std::env::args().next().unwrap();
        assert!(is_running(own, Path::new(&program)));
    }
}
