//! What a finished recording holds, in a few figures.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use perfagent_recording::table::{
    ApiCall, Collective, Copy, Kernel, Loss, Mark, MemoryEvent, Note, Operator, Process, Range,
    Row, Severity,
};
use perfagent_recording::{OpenError, Reader};
use serde::Serialize;

/// A recorded process, in a few figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProcessSummary {
    /// The operating system's number.
    pub pid: i64,
    /// Its rank in the distributed job.
    pub rank: Option<i64>,
    /// The program's file name.
    pub name: String,
    /// Its exit code, when it was seen to exit.
    pub exit_code: Option<i64>,
    /// The signal that killed it, when one was seen to.
    pub exit_signal: Option<i64>,
}

/// A recording, in a few figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The recording.
    pub path: PathBuf,
    /// Its processes.
    pub processes: Vec<ProcessSummary>,
    /// How many events of each kind it holds, by table.
    pub events: BTreeMap<&'static str, usize>,
    /// How many samples of counters it holds.
    pub samples: usize,
    /// How many events could not be kept, by cause.
    pub losses: BTreeMap<String, i64>,
    /// What makes its figures incomplete.
    pub warnings: Vec<String>,
}

impl Summary {
    /// Reads the figures from the recording at `path`.
    pub(crate) fn of(path: &Path) -> Result<Self, OpenError> {
        let reader = Reader::open(path)?;
        let mut events = BTreeMap::new();
        for table in [
            Kernel::TABLE,
            Copy::TABLE,
            ApiCall::TABLE,
            Range::TABLE,
            Mark::TABLE,
            Operator::TABLE,
            Collective::TABLE,
            MemoryEvent::TABLE,
        ] {
            events.insert(table, reader.count(table)?);
        }
        let mut losses = BTreeMap::new();
        for loss in reader.rows::<Loss>()? {
            *losses.entry(loss.cause).or_default() += loss.count;
        }
        let warnings =
            reader.rows::<Note>()?.into_iter().filter(|note| note.severity == Severity::Warning);
        let processes = reader.rows::<Process>()?.into_iter().map(|process| ProcessSummary {
            pid: process.pid,
            rank: process.rank,
            name: process.name,
            exit_code: process.exit_code,
            exit_signal: process.exit_signal,
        });
        Ok(Self {
            path: path.to_owned(),
            processes: processes.collect(),
            events,
            samples: reader.count("counter_samples")?,
            losses,
            warnings: warnings.map(|note| note.text).collect(),
        })
    }

    /// All events together.
    #[must_use]
    pub fn event_count(&self) -> usize {
        self.events.values().sum()
    }

    /// All losses together.
    #[must_use]
    pub fn lost(&self) -> i64 {
        self.losses.values().sum()
    }
}
