//! What can keep a recording from being exported, each with the place and the remedy.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use perfagent_recording::OpenError;

/// Why nothing was exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// A recording could not be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The operating system refused.
    #[error("{}: cannot {doing}: {source}; free some space or choose another place with -o", path.display())]
    Io {
        /// The output.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// Standard output could not be written.
    #[error("standard output: cannot be written: {0}; send it elsewhere or free some space")]
    StandardOutput(io::Error),
    /// The output name is taken.
    #[error("{}: already exists; choose another name with -o, or replace it with -f", path.display())]
    OutputExists {
        /// The output.
        path: PathBuf,
    },
    /// The output would replace a recording that is exported.
    #[error("{}: is a recording to export; choose another name with -o", path.display())]
    OutputIsInput {
        /// The output.
        path: PathBuf,
    },
    /// A folder stands where a file is to be written.
    #[error("{}: is a directory; name a file in it with -o, for example -o {}/trace.json", path.display(), path.display())]
    OutputIsDirectory {
        /// The output.
        path: PathBuf,
    },
    /// A folder to be replaced holds something that no export has written.
    #[error("{}: cannot be replaced, because `{found}` in it is no file of an earlier export; choose another name with -o", path.display())]
    OutputHoldsOther {
        /// The output.
        path: PathBuf,
        /// The name of the first such entry.
        found: String,
    },
    /// The folder of the output does not exist.
    #[error("{}: no such directory for the export; create it with `mkdir -p {}` or choose another place with -o", path.display(), path.display())]
    NoSuchDirectory {
        /// The folder.
        path: PathBuf,
    },
    /// A format that is a folder of files cannot go to standard output.
    #[error(
        "-o -: {format} is one file a table and does not fit standard output; name a directory with -o, for example -o {format}"
    )]
    NotOneFile {
        /// The format.
        format: &'static str,
    },
    /// One recording was named twice.
    #[error("{}: is named twice; name each recording of the run once", path.display())]
    NamedTwice {
        /// The recording.
        path: PathBuf,
    },
    /// The rank that was asked for is not there.
    #[error("{}: has no rank {rank}; its ranks are {present}", path.display())]
    NoSuchRank {
        /// The first recording.
        path: PathBuf,
        /// The rank that was asked for.
        rank: i64,
        /// Those that are there.
        present: String,
    },
}

impl ExportError {
    pub(crate) fn no_such_rank(path: PathBuf, rank: i64, present: &BTreeSet<i64>) -> Self {
        let present: Vec<_> = present.iter().map(ToString::to_string).collect();
        let present = if present.is_empty() { "not known".to_owned() } else { present.join(", ") };
        Self::NoSuchRank { path, rank, present }
    }
}
