//! The recorded command: how it is started and how it ended.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus};

use crate::error::CollectError;

/// How the target ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetExit {
    /// It exited with this code.
    Code(u8),
    /// It was killed by this signal.
    Signal(u8),
}

impl TargetExit {
    /// The code with which a shell would report it: its own, or 128 + the signal.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => 128_u8.saturating_add(signal),
        }
    }

    fn from_status(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Code(code as u8),
            (None, signal) => Self::Signal(signal.unwrap_or(0) as u8),
        }
    }
}

/// The command while it runs.
#[derive(Debug)]
pub(crate) struct Target {
    child: Child,
}

impl Target {
    /// Starts `command` with `variables` added to this process's environment. It shares the terminal, the standard
    /// streams and the process group of this process.
    pub(crate) fn start(
        command: &[OsString],
        variables: &[(impl AsRef<OsStr>, OsString)],
    ) -> Result<Self, CollectError> {
        let program = command.first().map_or(OsStr::new(""), OsString::as_os_str);
        let mut process = Command::new(program);
        process.args(command.get(1..).unwrap_or_default());
        process.envs(variables.iter().map(|(name, value)| (name, value)));
        let child = process.spawn().map_err(|source| {
            let command = program.display().to_string();
            match source.kind() {
                ErrorKind::NotFound | ErrorKind::InvalidInput => {
                    CollectError::CommandNotFound { command }
                }
                _ => CollectError::CommandRefused { command, source },
            }
        })?;
        Ok(Self { child })
    }

    /// The operating system's number for it.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub(crate) fn exit(&mut self) -> Result<Option<TargetExit>, CollectError> {
        let status = self.child.try_wait().map_err(Self::failed)?;
        Ok(status.map(TargetExit::from_status))
    }

    /// Waits until it has ended.
    pub(crate) fn wait(&mut self) -> Result<TargetExit, CollectError> {
        self.child.wait().map(TargetExit::from_status).map_err(Self::failed)
    }

    fn failed(source: std::io::Error) -> CollectError {
        CollectError::System { doing: "wait for the command", source }
    }
}
