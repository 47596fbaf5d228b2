//! A table of categories that the user has edited.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use perfagent_analysis::Rules;

/// The rules of the file at `path`. A line that is no rule is an error: figures by half of a table would mislead.
pub(crate) fn read(path: &Path) -> anyhow::Result<Rules> {
    let text = fs::read_to_string(path).with_context(|| {
        format!(
            "{}: cannot be read; start with a copy of data/kernel_categories.txt",
            path.display()
        )
    })?;
    Rules::with_categories(&text).map_err(|error| {
        anyhow!(
            "{}: line {}: {}; write `category = regular expression`, or begin the line with #",
            path.display(),
            error.line,
            error.problem
        )
    })
}
