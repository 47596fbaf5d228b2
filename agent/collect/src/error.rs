//! What can keep a run from being recorded, each with the place and the remedy.

use std::io;
use std::path::PathBuf;

use perfagent_recording::{OpenError, WriteError};

/// Why a run could not be recorded or recovered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CollectError {
    /// The output name is taken.
    #[error("{}: already exists; choose another name with -o, or replace it with -f", path.display())]
    OutputExists {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// The output name belongs to a folder.
    #[error("{}: is a directory; name a file in it with -o, for example -o {}/run.perfdb", path.display(), path.display())]
    OutputIsDirectory {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// The folder of the output does not exist.
    #[error("{}: no such directory for the recording; create it with `mkdir -p {}` or choose another place with -o", path.display(), path.display())]
    NoSuchDirectory {
        /// The folder.
        path: PathBuf,
    },
    /// Another recorder is at work in the run directory.
    #[error("{}: perfagent process {pid} is recording there; wait for it to end, or choose another name with -o (of several ranks each needs its own: -o 'run-%h-%p.perfdb')", path.display())]
    Busy {
        /// The run directory.
        path: PathBuf,
        /// The other recorder, as far as it told; 0 when it did not.
        pid: u32,
    },
    /// An earlier recorder was killed and left its run directory.
    #[error("{0}: an interrupted recording is there; rebuild it with `perfagent recover {0} -o {1}`, or discard it with -f", path.display(), output.display())]
    Interrupted {
        /// The run directory.
        path: PathBuf,
        /// The recording that it was to become.
        output: PathBuf,
    },
    /// What was named to be recovered is no run directory.
    #[error("{}: is not a run directory (it has no {missing}); name the RUN.perfdb.partial that an interrupted recorder left", path.display())]
    NotARunDirectory {
        /// The path that was asked for.
        path: PathBuf,
        /// What is missing in it.
        missing: &'static str,
    },
    /// The run directory tells no clock, so that its times cannot be placed.
    #[error("{}: cannot be read: {what}; the rings in {} have no clock anchor either, record again", path.display(), path.with_file_name("spool").display())]
    BadSession {
        /// The session file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
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
    /// The library for the target is missing.
    #[error(
        "libperfagent.so: not found in {searched}; build it with `cargo build -p perfagent-inject`, or name it in PERFAGENT_LIBRARY"
    )]
    NoLibrary {
        /// The folders that were searched.
        searched: String,
    },
    /// The target's program does not exist.
    #[error("{command}: command not found; check its spelling and PATH, or give its path")]
    CommandNotFound {
        /// The program.
        command: String,
    },
    /// The target's program could not be started.
    #[error(
        "{command}: cannot be started: {source}; make it executable with `chmod +x`, or start it through its interpreter"
    )]
    CommandRefused {
        /// The program.
        command: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// The machinery around the target failed.
    #[error("cannot {doing}: {source}; see the limits of this shell with `ulimit -a`")]
    System {
        /// What was tried.
        doing: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// The command ran to its end, but its recording was not completed.
    #[error("{source}; what was recorded until then is in {0}: `perfagent recover {0} -o {1}`", directory.display(), output.display())]
    Unfinished {
        /// The run directory.
        directory: PathBuf,
        /// The recording that it was to become.
        output: PathBuf,
        /// What went wrong.
        source: Box<CollectError>,
    },
    /// The recording could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The finished recording could not be read back.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl CollectError {
    pub(crate) fn io(
        path: impl Into<PathBuf>,
        doing: &'static str,
        remedy: &'static str,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, doing, remedy, source }
    }
}
