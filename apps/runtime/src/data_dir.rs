//! The folder of everything that outlives the process and lies in no database server.

use std::fs;
use std::path::Path;

use crate::start_error::StartError;

/// Makes the folder if it is missing. One that is there need not be writable: whoever writes into it
/// finds out.
///
/// # Errors
/// [`StartError::File`] that names `DATA_DIR`.
pub fn prepare_data_dir(folder: &Path) -> Result<(), StartError> {
    fs::create_dir_all(folder).map_err(|cause| StartError::File {
        name: "DATA_DIR",
        path: folder.to_owned(),
        cause,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_made_and_left_empty() {
        let parent = tempfile::tempdir().expect("a folder");
        let folder = parent.path().join("a/b");
        prepare_data_dir(&folder).expect("can be made");
        assert_eq!(fs::read_dir(&folder).expect("there").count(), 0);
    }

    #[test]
    fn a_folder_that_cannot_be_made_names_the_variable() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let error = prepare_data_dir(&file.path().join("below")).expect_err("is below a file");
        assert!(error.to_string().starts_with("DATA_DIR: "), "{error}");
    }
}
