//! What can be wrong with a ring file.

use std::io;
use std::path::PathBuf;

/// Why a ring could not be created or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpoolError {
    /// The operating system refused.
    #[error("{}: cannot {doing}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// The answer of the operating system.
        source: io::Error,
    },
    /// The file system has no room for the ring.
    #[error("{}: no room for a ring of {bytes} bytes; free space there, choose another directory, or set PERFAGENT_SPOOL_BYTES lower", path.display())]
    NoSpace {
        /// The file that was to be created.
        path: PathBuf,
        /// Its size, in bytes.
        bytes: u64,
    },
    /// The capacity asked for is out of range.
    #[error("a ring of {bytes} bytes is out of range; choose between {min} and {max} bytes")]
    Capacity {
        /// The capacity asked for, in bytes.
        bytes: u64,
        /// The least, in bytes.
        min: u64,
        /// The most, in bytes.
        max: u64,
    },
    /// The writer has not finished creating the file. Try again soon.
    #[error("{}: the recorded process has not finished creating this ring; open it again in a moment", path.display())]
    NotReady {
        /// The file.
        path: PathBuf,
    },
    /// The file is cut inside its header.
    #[error("{}: {len} bytes are too short for a ring, whose header has {need}; the file was cut, record again", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Its length, in bytes.
        len: u64,
        /// The length of a header, in bytes.
        need: u64,
    },
    /// The file is something else.
    #[error("{}: not a perfagent ring (it does not start with the magic bytes)", path.display())]
    NotARing {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by another version.
    #[error("{}: ring version {found}, this program reads version {expected}; use the perfagent that recorded it", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The version in the file.
        found: u32,
        /// The version this program reads.
        expected: u32,
    },
    /// A field of the header cannot be right.
    #[error("{}: the header is damaged: {what}; the records cannot be located", path.display())]
    DamagedHeader {
        /// The file.
        path: PathBuf,
        /// The field, and what is wrong with it.
        what: &'static str,
    },
}
