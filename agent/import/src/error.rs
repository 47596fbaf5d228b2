//! What can keep a trace from becoming a recording, each with the place and the remedy.

use std::io;
use std::path::PathBuf;

use perfagent_recording::{OpenError, WriteError};

/// What can be imported, for a reader who tried something else.
const IMPORTED: &str = "PyTorch Kineto traces, Nsight Systems exports (.sqlite, .csv), logs of nccl-tests, dumps of NCCL's profiler plugins, CSV of nvidia-smi, PyTorch memory snapshots (.pickle) and timelines (.json), XLA traces (.xplane.pb)";

/// Why nothing was imported. What is damaged but can be read in part is no error but a
/// [`Warning`](crate::Warning).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// There is no such input.
    #[error("{}: no such file or directory; check the path", path.display())]
    Missing {
        /// The input.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("{}: cannot {doing}: {source}; {remedy}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What to do about it.
        remedy: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// The input has no bytes.
    #[error("{}: is empty (0 bytes); copy it again, or profile again", path.display())]
    Empty {
        /// The input.
        path: PathBuf,
    },
    /// The input's first bytes are those of no format that can be imported.
    #[error("{}: {what}; perfagent imports {IMPORTED}", path.display())]
    NotATrace {
        /// The input.
        path: PathBuf,
        /// What it is instead, as far as can be told, with the place in it.
        what: String,
    },
    /// The input is of a known format, but damaged before its first event.
    #[error("{}: is damaged at byte {offset}: {what}; copy it again, or profile again", path.display())]
    Damaged {
        /// The input.
        path: PathBuf,
        /// The place, in bytes of the uncompressed text.
        offset: u64,
        /// What is wrong there.
        what: String,
    },
    /// The input is a database of which nothing can be read.
    #[error("{}: is damaged at {place}: {what}; copy it again, or export it again with `nsys export --type sqlite`", path.display())]
    DamagedDatabase {
        /// The input.
        path: PathBuf,
        /// The place in it.
        place: String,
        /// What is wrong there.
        what: String,
    },
    /// The input asks for what is not done: running code.
    #[error("{}: is refused at byte {offset}: {what}; write the snapshot again with `torch.cuda.memory._dump_snapshot`", path.display())]
    Refused {
        /// The input.
        path: PathBuf,
        /// The place, in bytes of the uncompressed file.
        offset: u64,
        /// What it asks for.
        what: String,
    },
    /// A folder holds no trace.
    #[error("{}: holds no trace that can be imported ({files} files looked at); name a directory with {IMPORTED}", path.display())]
    NoTraces {
        /// The folder.
        path: PathBuf,
        /// How many files were looked at.
        files: usize,
    },
    /// One input was named twice.
    #[error("{}: is named twice; each trace becomes one rank, so name it once", path.display())]
    NamedTwice {
        /// The input.
        path: PathBuf,
    },
    /// The output name is taken.
    #[error("{}: already exists; choose another name with -o, or replace it with -f", path.display())]
    OutputExists {
        /// The output.
        path: PathBuf,
    },
    /// The output would replace an input.
    #[error("{}: is one of the traces to import; choose another name with -o", path.display())]
    OutputIsInput {
        /// The output.
        path: PathBuf,
    },
    /// The output name belongs to a folder.
    #[error("{}: is a directory; name a file in it with -o, for example -o {}/run.perfdb", path.display(), path.display())]
    OutputIsDirectory {
        /// The output.
        path: PathBuf,
    },
    /// The folder of the output does not exist.
    #[error("{}: no such directory for the recording; create it with `mkdir -p {}` or choose another place with -o", path.display(), path.display())]
    NoSuchDirectory {
        /// The folder.
        path: PathBuf,
    },
    /// The recording could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The finished recording could not be read back.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl ImportError {
    pub(crate) fn io(
        path: impl Into<PathBuf>,
        doing: &'static str,
        remedy: &'static str,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, doing, remedy, source }
    }

    /// Whether the file is simply not a trace: in a folder, such files stand beside traces.
    pub(crate) const fn is_another_file(&self) -> bool {
        matches!(self, Self::NotATrace { .. } | Self::Refused { .. } | Self::Empty { .. })
    }
}
