//! What can go wrong with a store, each with the place and the remedy.

use std::path::PathBuf;

use crate::run::RunError;

/// Why a store could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no such file.
    #[error("{}: no such file; check the path, or begin a history with `perfagent history add --store {} FILE`", path.display(), path.display())]
    Missing {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// The path is a folder, a pipe, a device.
    #[error("{}: is no plain file; name the file of a history with --store", path.display())]
    NotAFile {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("{}: cannot be read: {source}; check its permissions", path.display())]
    Io {
        /// The path that was asked for.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file has no bytes.
    #[error("{}: is empty (0 bytes): nothing was ever added; add a run with `perfagent history add`", path.display())]
    Empty {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// The first bytes are not those of an SQLite file.
    #[error("{}: is no history (byte 0 is not an SQLite header); name another file with --store", path.display())]
    NotSqlite {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// A recording.
    #[error("{}: is a recording, not a history; name the history with --store and give the recording as a FILE", path.display())]
    Recording {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// An SQLite file of something else.
    #[error("{}: is an SQLite file but no history (application id {found:#010x} at byte 68, expected {expected:#010x}); name another file with --store", path.display())]
    Foreign {
        /// The path that was asked for.
        path: PathBuf,
        /// The application id in the file.
        found: u32,
        /// The application id of stores.
        expected: u32,
    },
    /// A store of a newer perfagent.
    #[error("{}: has schema version {found}, this perfagent knows up to {supported}; update perfagent", path.display())]
    Newer {
        /// The path that was asked for.
        path: PathBuf,
        /// Its schema version.
        found: u32,
        /// The newest one that is known here.
        supported: u32,
    },
    /// The file is damaged.
    #[error("{}: is damaged: {detail}; nothing was changed; take an older copy (`git checkout`, a backup), or save what can still be read with `perfagent history export --format json`", path.display())]
    Damaged {
        /// The store.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// Another process held it for too long.
    #[error("{}: another process has been writing it for more than {seconds} s; try again, or wait longer with --wait", path.display())]
    Busy {
        /// The store.
        path: PathBuf,
        /// How long was waited.
        seconds: u64,
    },
    /// A write was interrupted, and what it left can only be tidied by someone who may write.
    #[error("{}: a write to it was interrupted, and undoing it needs the right to write; run this once as a user who may write there", path.display())]
    Interrupted {
        /// The store.
        path: PathBuf,
    },
    /// The file cannot be written, most often because the disk is full.
    #[error("{}: cannot be written: {source}; nothing of this was kept; free some space or check the permissions of the file and its folder", path.display())]
    Write {
        /// The store.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A run cannot be kept.
    #[error(transparent)]
    Run(#[from] RunError),
    /// There is no run of this number.
    #[error("{}: has no run {id}; `perfagent history list` shows those that there are", path.display())]
    NoRun {
        /// The store.
        path: PathBuf,
        /// The number that was asked for.
        id: i64,
    },
}
