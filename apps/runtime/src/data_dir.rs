//! The folder of everything that outlives the process.

use std::fs::{self, File, TryLockError};
use std::path::Path;

use crate::start_error::StartError;

/// Makes the folder if it is missing and finds out whether files can be written in it.
///
/// # Errors
/// [`StartError::File`] that names `DATA_DIR`.
pub fn prepare_data_dir(folder: &Path) -> Result<(), StartError> {
    let probe = folder.join(format!(".probe-{}", std::process::id()));
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&probe, b"can be written"))
        .and_then(|()| fs::remove_file(&probe))
        .map_err(|cause| StartError::File { name: "DATA_DIR", path: folder.to_owned(), cause })
}

/// Keeps other processes from serving the same folder, until it is dropped or the process is killed.
///
/// # Errors
/// [`StartError::Setting`] that names `DATA_DIR`, while another process has the folder.
pub(crate) fn claim_data_dir(folder: &Path) -> Result<File, StartError> {
    let path = folder.join("in-use.lock");
    let file = |cause| StartError::File { name: "DATA_DIR", path: path.clone(), cause };
    let lock = File::create(&path).map_err(file)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            let problem = format!("{} is served by another process", folder.display());
            Err(StartError::Setting { name: "DATA_DIR", problem })
        }
        Err(TryLockError::Error(cause)) => Err(file(cause)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_served_by_one_process() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = claim_data_dir(folder.path()).expect("free");
        let second = claim_data_dir(folder.path()).expect_err("taken");
        assert!(second.to_string().starts_with("DATA_DIR: "), "{second}");
        drop(first);
        claim_data_dir(folder.path()).expect("free again");
    }

    #[test]
    fn the_folder_is_made_and_left_empty() {
        let parent = tempfile::tempdir().expect("a folder");
        let folder = parent.path().join("a/b");
        prepare_data_dir(&folder).expect("can be written");
        assert_eq!(fs::read_dir(&folder).expect("there").count(), 0);
    }

    #[test]
    fn a_folder_that_cannot_be_written_names_the_variable() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let error = prepare_data_dir(&file.path().join("below")).expect_err("is below a file");
        assert!(error.to_string().starts_with("DATA_DIR: "), "{error}");
    }
}
