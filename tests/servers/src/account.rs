//! The ordinary user that servers run as: PostgreSQL refuses to run as root, and none of them needs it.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Whom root starts servers as; every Linux has it.
const ORDINARY: &str = "nobody";
/// All that the servers' own scripts look for.
const SEARCHED: &str = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

/// The user that servers run as.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    /// None when it is the user who asks.
    other: Option<(u32, u32)>,
}

impl Account {
    /// The user who asks, or an ordinary one where that is root.
    pub(crate) fn ordinary() -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self { other: None });
        }
        let users = fs::read_to_string("/etc/passwd").map_err(|error| format!("users: {error}"))?;
        match ids_of(ORDINARY, &users) {
            Some(ids) => Ok(Self { other: Some(ids) }),
            None => Err(format!(
                "root runs no servers and the user `{ORDINARY}` is not there: run this as an ordinary user"
            )),
        }
    }

    /// A command of that user in a folder, with nothing of this process' environment.
    pub(crate) fn command(self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).env_clear().env("PATH", SEARCHED).env("LC_ALL", "C");
        if let Some((user, group)) = self.other {
            command.uid(user).gid(group);
        }
        command
    }

    /// Makes a folder that is that user's, and every missing one above it.
    pub(crate) fn make_folder(self, folder: &Path) -> Result<(), String> {
        let made = fs::create_dir_all(folder).and_then(|()| {
            self.other.map_or(Ok(()), |(user, group)| chown(folder, Some(user), Some(group)))
        });
        made.map_err(|error| format!("{}: {error}", folder.display()))
    }

    /// A program's path that the user can reach: another user sees nothing below root's home.
    pub(crate) fn reachable(self, program: &Path, folder: &Path) -> Result<PathBuf, String> {
        let (Some(_), Some(name)) = (self.other, program.file_name()) else {
            return Ok(program.to_owned());
        };
        let near = folder.join(name);
        if near.exists() {
            return Ok(near);
        }
        let linked = fs::hard_link(program, &near);
        let there = linked.or_else(|_other_disk| fs::copy(program, &near).map(drop));
        there.map(|()| near).map_err(|error| format!("{}: {error}", program.display()))
    }
}

fn ids_of(name: &str, users: &str) -> Option<(u32, u32)> {
    let fields = users.lines().map(|line| line.split(':'));
    let mut of_name =
        fields.filter_map(|mut fields| (fields.next() == Some(name)).then_some(fields));
    let mut numbers = of_name.next()?.skip(1).map(|field| field.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let users =
            "root:x:0:0::/root:/bin/sh\nnobody2:x:7:8::/:/no\nnobody:x:65534:65533::/:/no\n";
        assert_eq!(ids_of("nobody", users), Some((65534, 65533)));
        assert_eq!(ids_of("somebody", users), None);
    }
}
