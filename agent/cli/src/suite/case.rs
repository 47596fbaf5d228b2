//! A suite once its file is read: a list of cases with every option filled in.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

use super::file;
use super::option::Options;
use super::place::Surroundings;

/// Options of which a larger value takes more memory and else the same work is done: a range of them may be open above.
pub(super) const GROWING: [&str; 2] = ["micro_batch", "batch"];

/// What is run.
#[derive(Clone, Debug)]
pub(crate) struct Suite {
    /// Its name; a file's name can be made of it.
    pub(crate) name: String,
    /// What it is for, in a line.
    pub(crate) about: String,
    /// `sha256:` and the digest of its text, as `sha256sum FILE` shows it.
    pub(crate) hash: String,
    /// In the order in which they are run.
    pub(crate) cases: Vec<Case>,
}

/// One run of `perfagent-bench`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Case {
    /// Its name; files are called after it.
    pub(crate) name: String,
    /// What is asked of `perfagent-bench`.
    pub(crate) options: Options,
    /// How long it may take.
    pub(crate) time_limit: Duration,
    /// Whether it is a failure when it is refused or does not fit.
    pub(crate) must_run: bool,
    /// Whether it is one of a range that ends where the memory ends.
    pub(crate) open: bool,
}

impl Suite {
    /// Reads the suite in the file at `path`.
    pub(crate) fn read(
        path: &Path,
        surroundings: Surroundings,
        overrides: &Options,
    ) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| {
            format!(
                "{}: cannot be read; `perfagent bench run ci --print` shows a suite to start from",
                path.display()
            )
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        file::parse(&path.display().to_string(), folder, &text, surroundings, overrides)
    }

    /// How many cases there are at least, and whether there can be more: those of a range that is open above count as one.
    pub(crate) fn count(&self) -> (usize, bool) {
        let mut open = Vec::new();
        for series in self.cases.iter().filter(|case| case.open).map(Case::series) {
            if !open.contains(&series) {
                open.push(series);
            }
        }
        let fixed = self.cases.iter().filter(|case| !case.open).count();
        (fixed + open.len(), !open.is_empty())
    }
}

impl Case {
    /// What the cases have in common that differ in nothing but the size of their batch.
    pub(crate) fn series(&self) -> Options {
        let mut options = self.options.clone();
        for key in GROWING {
            options.remove(key);
        }
        options
    }

    /// The size of its batch, if it says one: a case that trains has a micro-batch, one that serves a batch.
    pub(crate) fn batch(&self) -> Option<u64> {
        GROWING.iter().find_map(|key| self.options.get(*key)?.as_u64())
    }
}
