//! What an exit code means, in words.

use std::process::ExitCode;

/// How a command ended, as the shell and CI see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The question was answered. 0.
    Success,
    /// The question was answered, and the answer is "no". 1.
    No,
    /// The question could not be asked: a wrong argument, or an input that cannot be read. 2.
    Usage,
    /// Neither "yes" nor "no": a node that could not be checked, a comparison that decides nothing where that counts
    /// (`--strict`). 3.
    Inconclusive,
    /// The question makes no sense: environments that must not be compared. 4.
    Incomparable,
    /// A code of a convention that the user asked for.
    Convention(u8),
    /// The code of the program that was run on the user's behalf, 128 + signal when it was killed.
    Target(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Success => Self::SUCCESS,
            Exit::No => Self::from(1),
            Exit::Usage => Self::from(2),
            Exit::Inconclusive => Self::from(3),
            Exit::Incomparable => Self::from(4),
            Exit::Convention(code) | Exit::Target(code) => Self::from(code),
        }
    }
}
