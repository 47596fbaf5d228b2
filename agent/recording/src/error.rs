//! What can go wrong with a recording file, each with the place and the remedy.

use std::path::PathBuf;

/// Why a recording could not be opened or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is no such file.
    #[error("{}: no such file; check the path, or record one with `perfagent record -o {} -- CMD`", path.display(), path.display())]
    Missing {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// The path is a folder.
    #[error("{}: is a directory, not a recording; name a .perfdb file (or rebuild an interrupted one with `perfagent recover {}`)", path.display(), path.display())]
    Directory {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("{}: cannot be read: {source}", path.display())]
    Io {
        /// The path that was asked for.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file has no bytes.
    #[error("{}: is empty (0 bytes); the recorder was stopped before it wrote anything, record again", path.display())]
    Empty {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// The first bytes are not those of an SQLite file.
    #[error("{}: is not a recording (byte 0 is not an SQLite header); to read another tool's trace use `perfagent import`", path.display())]
    NotSqlite {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// An SQLite file that perfagent did not write.
    #[error("{}: is an SQLite file but not a recording (application id {found:#010x} at byte 68, expected {expected:#010x}); to read an nsys export use `perfagent import`", path.display())]
    Foreign {
        /// The path that was asked for.
        path: PathBuf,
        /// The application id in the file.
        found: u32,
        /// The application id of recordings.
        expected: u32,
    },
    /// The file is shorter than its header says.
    #[error("{}: is cut off: {found} of {expected} bytes are there; copy it again from where it was recorded", path.display())]
    Truncated {
        /// The path that was asked for.
        path: PathBuf,
        /// Bytes in the file.
        found: u64,
        /// Bytes that its header announces.
        expected: u64,
    },
    /// The file was written by a newer perfagent.
    #[error("{}: has schema version {found}, this perfagent reads up to {supported}; update perfagent", path.display())]
    Newer {
        /// The path that was asked for.
        path: PathBuf,
        /// Schema version of the file.
        found: u32,
        /// Newest schema version that can be read here.
        supported: u32,
    },
    /// The file is damaged inside.
    #[error("{}: is damaged in table `{table}`: {source}; copy it again, or rebuild it with `perfagent recover` if the run directory still exists", path.display())]
    Damaged {
        /// The path that was asked for.
        path: PathBuf,
        /// The table that could not be read.
        table: String,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A user's SQL was refused.
    #[error("{}: {source}; `perfagent sql {} \".schema\"` lists the tables", path.display(), path.display())]
    Query {
        /// The recording.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

/// Why a recording could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The file could not be created or opened for writing.
    #[error("{}: cannot be created: {source}; choose another place with -o", path.display())]
    Create {
        /// The path that was asked for.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A row or a transaction could not be written, most often because the disk is full.
    #[error("{}: cannot be written ({place}): {source}; free some space or choose another place with -o", path.display())]
    Write {
        /// The path of the recording.
        path: PathBuf,
        /// The table or the step that failed.
        place: &'static str,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}
