//! The recording under a name of its own until it is complete.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::ImportError;
use crate::inputs::{Input, real};

const REMEDY: &str = "choose a writable place with -o";

/// A folder beside the final name, with the unfinished recording in it. Removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Output {
    path: PathBuf,
    force: bool,
    folder: TempDir,
}

impl Output {
    /// Makes the folder for a recording that will be `path`. With `force` an earlier file of that name gives
    /// way, once the new one is complete.
    pub(crate) fn create(path: &Path, force: bool, inputs: &[Input]) -> Result<Self, ImportError> {
        if path.is_dir() {
            return Err(ImportError::OutputIsDirectory { path: path.to_owned() });
        }
        if path.exists() && inputs.iter().any(|input| real(&input.path) == real(path)) {
            return Err(ImportError::OutputIsInput { path: path.to_owned() });
        }
        if !force && path.symlink_metadata().is_ok() {
            return Err(ImportError::OutputExists { path: path.to_owned() });
        }
        let parent = parent(path);
        if !parent.is_dir() {
            return Err(ImportError::NoSuchDirectory { path: parent.to_owned() });
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let folder = tempfile::Builder::new()
            .prefix(&format!(".{name}."))
            .suffix(".importing")
            .tempdir_in(parent)
            .map_err(ImportError::io(path, "create it", REMEDY))?;
        Ok(Self { path: path.to_owned(), force, folder })
    }

    /// The unfinished recording.
    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("run.perfdb")
    }

    /// Where the unfinished recording is, and other files that are needed until it is complete.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Gives the finished recording its name.
    pub(crate) fn finish(self) -> Result<PathBuf, ImportError> {
        let failed = || ImportError::io(&self.path, "give the recording this name", REMEDY);
        if self.force {
            fs::rename(self.database(), &self.path).map_err(failed())?;
        } else {
            // Unlike a rename, a link never replaces what came to stand there meanwhile. Some file systems
            // know no links.
            match fs::hard_link(self.database(), &self.path) {
                Ok(()) => {}
                Err(_) if self.path.symlink_metadata().is_ok() => {
                    return Err(ImportError::OutputExists { path: self.path });
                }
                Err(_) => fs::rename(self.database(), &self.path).map_err(failed())?,
            }
        }
        // Makes the name durable; not every file system offers it, and the file itself is synchronised.
        let _ = File::open(parent(&self.path)).and_then(|folder| folder.sync_all());
        Ok(self.path)
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
