//! Memory of a process: its peaks, what was alive at the greatest of them, and its course over time.

mod alive;
mod at_peak;
mod change;
mod curve;
mod operator;
mod peak;

use perfagent_recording::Recording;

use self::change::Changes;
use crate::process::ProcessRows;
use crate::report::Memory;

/// Everything that is told of a process's memory.
pub(crate) fn memory(recording: &Recording, rows: &ProcessRows) -> Memory {
    let changes = Changes::of(recording, rows);
    Memory {
        at_peak: at_peak::at_peak(recording, rows, &changes),
        curve: curve::curve(&changes),
        ..peak::peaks(recording, rows)
    }
}
