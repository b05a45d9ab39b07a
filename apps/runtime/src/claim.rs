//! A file of SQLite is served by one process.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::start_error::StartError;

/// The files that this process has claimed. A process that is killed gives them back. Clones hold the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Claims(Arc<Mutex<Vec<File>>>);

impl Claims {
    /// Keeps other processes from serving this database file, by a lock beside it; `name` is the
    /// variable that says where it is.
    ///
    /// # Errors
    /// [`StartError::Setting`] while another process has it.
    pub(crate) fn take(&self, name: &'static str, database: &Path) -> Result<(), StartError> {
        let mut path = OsString::from(database);
        path.push("-serving.lock");
        let file = |cause| StartError::File { name, path: path.clone().into(), cause };
        if let Some(folder) = database.parent() {
            fs::create_dir_all(folder).map_err(file)?;
        }
        let lock = File::create(&path).map_err(file)?;
        match lock.try_lock() {
            Ok(()) => {
                self.0.lock().unwrap_or_else(PoisonError::into_inner).push(lock);
                Ok(())
            }
            Err(TryLockError::WouldBlock) => {
                let problem = format!("{} is served by another process", database.display());
                Err(StartError::Setting { name, problem })
            }
            Err(TryLockError::Error(cause)) => Err(file(cause)),
        }
    }

    /// Gives all of them back.
    pub(crate) fn release(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_served_by_one_process() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = folder.path().join("ticket.db");
        let (first, second) = (Claims::default(), Claims::default());
        first.take("DATA_DIR", &database).expect("free");
        let line = second.take("DATA_DIR", &database).expect_err("taken").to_string();
        assert!(
            line.starts_with("DATA_DIR: ")
                && line.contains("ticket.db is served by another process"),
            "{line}"
        );
        second.take("DATA_DIR", &folder.path().join("booking.db")).expect("another file");
        first.release();
        second.take("DATA_DIR", &database).expect("free again");
    }
}
