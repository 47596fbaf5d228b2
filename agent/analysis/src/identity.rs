//! What tells recordings from each other.

use std::hash::{DefaultHasher, Hash, Hasher};

use perfagent_recording::Recording;

use crate::Summary;

/// A number that recordings have in common only if they are one: of the same processes, on the same machines, at the same time.
pub(crate) fn of(recording: &Recording, span: Option<(i64, i64)>) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{:?}{:?}{:?}", recording.processes, recording.meta, recording.hosts).hash(&mut hasher);
    span.hash(&mut hasher);
    hasher.finish()
}

/// Two of the recordings, by position, that are one.
#[must_use]
pub fn repeated(summaries: &[Summary]) -> Option<(usize, usize)> {
    summaries.iter().enumerate().find_map(|(second, summary)| {
        let same =
            |earlier: &Summary| earlier.identity == summary.identity && earlier.has_processes;
        Some((summaries[..second].iter().position(same)?, second))
    })
}
