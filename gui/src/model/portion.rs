//! Which part of recordings that are too large to be opened whole is open.

use std::path::PathBuf;

use perfagent_recording::Density;

/// A part of the recordings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Portion {
    /// Which, from 0 on, in order of time.
    pub number: usize,
    /// Of how many.
    pub count: usize,
    /// Events of all parts together.
    pub events: u64,
    /// When the events of each recording are: counted once for all its parts.
    pub counted: Vec<(PathBuf, Density)>,
}

impl Portion {
    /// The words for those who would take a part for the whole.
    #[must_use]
    pub fn warning(&self) -> String {
        format!(
            "this is part {} of {} of the recording: all figures are of this part",
            self.number + 1,
            self.count
        )
    }
}
