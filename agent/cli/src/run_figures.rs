//! The figures of a recording that other systems are told.

use std::path::Path;

use perfagent_analysis::{Summary, merge};
use perfagent_exporter::recordings::RunFigures;

use crate::input::Input;

/// Reads the recording at `path`.
pub(crate) fn read(path: &Path) -> anyhow::Result<RunFigures> {
    let input = Input::open(path)?;
    let recording = input.load(1)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let report = merge(vec![Summary::of(&recording, &input.name())]);
    Ok(RunFigures::of(&name, &report, &recording))
}
