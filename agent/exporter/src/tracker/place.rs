//! Names and files of a run in somebody else's folder.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::PushError;
use crate::recordings::RunFigures;
use crate::textfile::without_place;

/// A name for the run without the ending of its file.
pub(super) fn name(run: &RunFigures) -> &str {
    run.name.strip_suffix(".perfdb").unwrap_or(&run.name)
}

/// Makes a folder for the run: `NAME`, or `NAME-2` and so on, where there is one of an earlier run.
pub(super) fn make_folder(parent: &Path, name: &str) -> Result<PathBuf, PushError> {
    fs::create_dir_all(parent).map_err(|error| unwritten(parent, &error))?;
    let mut number = 1;
    loop {
        let path =
            parent.join(if number == 1 { name.to_owned() } else { format!("{name}-{number}") });
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(unwritten(&path, &error)),
        }
    }
}

/// Writes a file whole, or not at all.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), PushError> {
    let written = || -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let permissions = fs::Permissions::from_mode(0o666);
        // As a plain `open` would make it: the umask decides.
        let mut file = tempfile::Builder::new()
            .prefix(".perfagent-")
            .permissions(permissions)
            .tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    written().map_err(|error| unwritten(path, &error))
}

fn unwritten(path: &Path, error: &io::Error) -> PushError {
    PushError::Unwritten { path: path.to_owned(), said: without_place(error) }
}
