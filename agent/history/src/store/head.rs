//! The first bytes of a store, looked at before SQLite is let near the file.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use super::schema::{APPLICATION_ID, RECORDING_ID, VERSION};
use super::{Store, StoreError};

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// Nothing.
    Missing,
    /// A file without bytes: what is left of a store whose first write never came to its end.
    Empty,
    /// A store, as far as its first bytes say.
    Store,
    /// A write was interrupted; only SQLite can say what the file is.
    Interrupted,
}

/// Bytes of an SQLite header up to the end of the application id.
const BYTES: usize = 72;

pub(super) fn look(path: &Path) -> Result<Head, StoreError> {
    let io = |source| StoreError::Io { path: path.to_owned(), source };
    let about = match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Head::Missing),
        about => about.map_err(io)?,
    };
    if !about.is_file() {
        return Err(StoreError::NotAFile { path: path.to_owned() });
    }
    if fs::metadata(journal(path)).is_ok_and(|journal| journal.len() > 0) {
        return Ok(Head::Interrupted);
    }
    if about.len() == 0 {
        return Ok(Head::Empty);
    }
    let mut bytes = [0; BYTES];
    match File::open(path).and_then(|mut file| file.read_exact(&mut bytes)) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
            return Err(StoreError::NotSqlite { path: path.to_owned() });
        }
        Err(error) => return Err(io(error)),
    }
    if !bytes.starts_with(b"SQLite format 3\0") {
        return Err(StoreError::NotSqlite { path: path.to_owned() });
    }
    let number = |at: usize| bytes[at..].first_chunk().map_or(0, |four| u32::from_be_bytes(*four));
    judge(path, number(68), number(60))?;
    Ok(Head::Store)
}

/// Refuses what is not a store of a version known here.
pub(super) fn judge(path: &Path, application_id: u32, version: u32) -> Result<(), StoreError> {
    let path = path.to_owned();
    match application_id {
        APPLICATION_ID if version > VERSION => {
            Err(StoreError::Newer { path, found: version, supported: VERSION })
        }
        APPLICATION_ID => Ok(()),
        RECORDING_ID => Err(StoreError::Recording { path }),
        found => Err(StoreError::Foreign { path, found, expected: APPLICATION_ID }),
    }
}

/// Where SQLite keeps what a write has replaced, until the write is complete.
fn journal(path: &Path) -> PathBuf {
    // It lies beside the file itself, not beside a link to it.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut name = path.into_os_string();
    name.push("-journal");
    PathBuf::from(name)
}

impl Store {
    /// What SQLite said, as what it means for the user.
    pub(super) fn failed(path: &Path, source: rusqlite::Error) -> StoreError {
        use rusqlite::ErrorCode;
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt) => {
                StoreError::Damaged { path, detail: source.to_string() }
            }
            Some(ErrorCode::NotADatabase) => StoreError::NotSqlite { path },
            _ => StoreError::Write { path, source },
        }
    }
}
