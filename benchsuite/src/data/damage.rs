//! A file that cannot be read, and where.

use std::fmt::{self, Display};
use std::path::Path;

use crate::failure::Failure;

/// What libraries put before a reason, and what the file's name tells already.
const KINDS: [&str; 4] =
    ["Parquet error: ", "Parquet argument error: ", "Invalid argument error: ", "External: "];

/// Which file, which place in it, why, and what to do: the one line shown to the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Damage(String);

impl Damage {
    /// A place whose bytes are not what the format says: `row group 3, row 12`, `byte 4096`.
    pub(crate) fn new(path: &Path, place: impl Display, reason: impl Display) -> Self {
        Self::with_remedy(path, place, reason, "fetch or write that file again")
    }

    /// The same where another remedy helps.
    pub(crate) fn with_remedy(
        path: &Path,
        place: impl Display,
        reason: impl Display,
        remedy: impl Display,
    ) -> Self {
        // Libraries add hints and back traces on further lines, and end sentences as they like.
        let reason = reason.to_string();
        let mut reason = reason.lines().next().unwrap_or_default().trim_end_matches(['.', ' ']);
        while let Some(rest) = KINDS.iter().find_map(|kind| reason.strip_prefix(kind)) {
            reason = rest;
        }
        Self(format!("{}: {place}: {reason}; {remedy}", path.display()))
    }

    /// Found before the first step: what was asked for cannot be done.
    pub(crate) fn before_training(self) -> Failure {
        Failure::Input(self.0)
    }

    /// Found on the way: the run has failed.
    pub(crate) fn in_training(self) -> Failure {
        Failure::Run(self.0)
    }
}

impl Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
