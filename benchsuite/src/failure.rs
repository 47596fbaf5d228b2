//! Why a run ended early, in the two kinds that the exit code tells apart.

use std::process::ExitCode;

use tch::TchError;

/// The reason a run ended early, as the one line shown to the user.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// What was asked for cannot be done: an unknown name, numbers that do not go together, a batch
    /// that does not fit, a missing folder. The text says what to change.
    #[error("{0}")]
    Input(String),
    /// An allocation that libtorch could not make, in its words.
    #[error("the batch does not fit in memory: {0}; use a smaller --micro-batch, --seq or preset")]
    Memory(String),
    /// The run started and then failed.
    #[error("{0}")]
    Run(String),
    /// Another rank went away or never came. Where this program started the ranks itself, the
    /// launcher knows which one and why, and its line is the better one.
    #[error("{0}")]
    Peer(String),
}

impl Failure {
    /// A failure that the user can repair by asking for something else.
    pub(crate) fn input(text: impl Into<String>) -> Self {
        Self::Input(text.into())
    }

    /// A failure of the run itself.
    pub(crate) fn run(text: impl Into<String>) -> Self {
        Self::Run(text.into())
    }

    /// 2 for input errors, 1 for failed runs.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Input(_) | Self::Memory(_) => ExitCode::from(2),
            Self::Run(_) | Self::Peer(_) => ExitCode::from(1),
        }
    }
}

impl From<TchError> for Failure {
    fn from(error: TchError) -> Self {
        // libtorch appends a C++ backtrace to its messages; the first line says it all.
        let text = error.to_string();
        let line = text.lines().next().unwrap_or("libtorch failed without a message");
        let line = line.split(" Exception raised from").next().unwrap_or(line);
        if text.contains("out of memory") || text.contains("can't allocate memory") {
            Self::Memory(line.to_owned())
        } else {
            Self::Run(line.to_owned())
        }
    }
}

/// The result of everything in this program.
pub(crate) type Result<T> = std::result::Result<T, Failure>;
