//! The last recordings: the figures of a run, and the folder in which runs appear.

mod figures;
mod folder;

pub use figures::{BusBandwidth, RunFigures, StepTimes};
pub use folder::{Folder, start};
