//! What was imported, in a few figures.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use perfagent_recording::table::{
    ApiCall, Collective, CollectiveTest, Copy, CounterSample, Kernel, KernelCounter, Mark,
    MemoryEvent, Operator, Range, Row, Synchronization,
};
use perfagent_recording::{OpenError, Reader};
use serde::Serialize;

use crate::format::Format;
use crate::warning::Warning;

/// A file that was imported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImportedFile {
    /// Its path as it was given.
    pub path: PathBuf,
    /// Its format.
    pub format: Format,
    /// Its rank in the distributed job, when it tells.
    pub rank: Option<i64>,
    /// Ranks in the job, when it tells.
    pub world_size: Option<i64>,
    /// Bytes of its text, uncompressed, as far as it was read.
    pub text_bytes: u64,
    /// Events in it, as far as they could be read.
    pub events: u64,
    /// Events of which the recording has a row.
    pub kept: u64,
    /// Events that a recording has no place for, by category.
    pub left_out: BTreeMap<String, u64>,
    /// What is wrong with it.
    pub warnings: Vec<Warning>,
}

impl ImportedFile {
    /// The file in one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let mut text = format!(
            "imported from {} ({}): {} of {} events kept",
            self.path.display(),
            self.format.name(),
            self.kept,
            self.events
        );
        if !self.left_out.is_empty() {
            let left_out: Vec<_> =
                self.left_out.iter().map(|(name, count)| format!("{name} {count}")).collect();
            text = format!("{text}; a recording has no place for {}", left_out.join(", "));
        }
        text
    }
}

/// A finished import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// The recording.
    pub path: PathBuf,
    /// What it was made from, in the order in which it was given.
    pub files: Vec<ImportedFile>,
    /// How many events of each kind the recording holds, by table.
    pub events: BTreeMap<&'static str, usize>,
    /// Sentences that a reader of its figures should know, each with its file.
    pub warnings: Vec<String>,
}

impl Imported {
    /// All events together.
    #[must_use]
    pub fn event_count(&self) -> u64 {
        self.files.iter().map(|file| file.kept).sum()
    }
}

/// The rows of the recording at `path`, by table.
pub(crate) fn rows(path: &Path) -> Result<BTreeMap<&'static str, usize>, OpenError> {
    let reader = Reader::open(path)?;
    let tables = [
        Kernel::TABLE,
        Copy::TABLE,
        ApiCall::TABLE,
        Synchronization::TABLE,
        KernelCounter::TABLE,
        Range::TABLE,
        Mark::TABLE,
        Operator::TABLE,
        Collective::TABLE,
        CollectiveTest::TABLE,
        MemoryEvent::TABLE,
        CounterSample::TABLE,
    ];
    tables.into_iter().map(|table| Ok((table, reader.count(table)?))).collect()
}
