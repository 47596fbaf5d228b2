//! Which files are meant by the names that were given.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::ImportError;

/// A file to import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Input {
    /// Its path as the user can find it.
    pub(crate) path: PathBuf,
    /// The folder that was named instead of the file itself. Other files may stand in it, too.
    pub(crate) folder: Option<PathBuf>,
}

/// The files that `names` stand for: of a folder, all files in it, in order of name.
pub(crate) fn expand(names: &[PathBuf]) -> Result<Vec<Input>, ImportError> {
    let mut inputs = Vec::new();
    for name in names {
        let failed = || ImportError::io(name, "read it", "make it readable");
        let metadata = fs::metadata(name).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => {
                ImportError::Missing { path: name.clone() }
            }
            _ => failed()(error),
        })?;
        if !metadata.is_dir() {
            inputs.push(Input { path: name.clone(), folder: None });
            continue;
        }
        let mut files = Vec::new();
        for entry in fs::read_dir(name).map_err(failed())? {
            let path = entry.map_err(failed())?.path();
            if path.is_file() && !is_hidden(&path) {
                files.push(path);
            }
        }
        if files.is_empty() {
            return Err(ImportError::NoTraces { path: name.clone(), files: 0 });
        }
        files.sort();
        let folder = Some(name.clone());
        inputs.extend(files.into_iter().map(|path| Input { path, folder: folder.clone() }));
    }
    let mut seen = BTreeSet::new();
    for input in &inputs {
        if !seen.insert(real(&input.path)) {
            return Err(ImportError::NamedTwice { path: input.path.clone() });
        }
    }
    Ok(inputs)
}

/// The path without links and dots, as far as it exists.
pub(crate) fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}
