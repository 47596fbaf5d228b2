//! The figures of a report, computed a second time in the most obvious way, for tests to compare with.
//!
//! It shares nothing with the product: it reads the recording through SQL and the rule tables as text, and works out each
//! figure as it is defined, without regard to speed. Busy times come from a walk over all starts and ends with a count of what
//! runs; own times from asking at every start and end which of all open things is the innermost.

mod collective;
mod compare;
mod counter;
mod cover;
mod file;
mod gpu;
mod host;
mod memory;
mod queue;
mod rank;
mod rule;
mod step;
mod table;

use std::path::Path;

use serde_json::Value;

pub use compare::differences;

/// The ranks of the recording at `path`, in order of their processes, each with those figures of `perfagent.report/1` that
/// this crate knows.
///
/// # Panics
/// When the file is no recording.
#[must_use]
pub fn ranks(path: &Path) -> Vec<Value> {
    rank::ranks(&file::File::open(path))
}
