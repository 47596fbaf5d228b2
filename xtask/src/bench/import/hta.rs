//! Holistic Trace Analysis, installed once into the cache.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::super::environment;
use super::process::{Measured, measure};

/// What is compared with. Its last version works with pandas before 3 only.
const PACKAGES: [&str; 2] = ["HolisticTraceAnalysis==0.5.0", "pandas<3"];

/// Loads a trace and makes the same figures as `perfagent report`; prints how long that took after its own start.
const SCRIPT: &str = include_str!("hta.py");

/// The Python that has it.
pub(super) fn require() -> Result<PathBuf> {
    environment::require("hta-0.5.0", &PACKAGES, "560 MB")
}

/// Runs it on one trace.
pub(super) fn analyse(python: &Path, folder: &Path, trace: &Path) -> Result<Measured> {
    let run = measure(Command::new(python).current_dir(folder).args(["-c", SCRIPT]).arg(trace))?;
    let last = run.output.lines().last().unwrap_or_default();
    let seconds = last.trim().parse().with_context(|| format!("HTA's time: `{last}`"))?;
    Ok(Measured { seconds, ..run })
}
