//! A whole recording in memory: what analysis and the GUI work on.

use crate::table::{
    ApiCall, ClockAnchor, Collective, CollectiveTest, Context, Copy, Counter, CounterSample,
    Device, Host, Kernel, Loss, Mark, MemoryEvent, Meta, Note, Operator, Overhead, Process, Range,
    Row, Stream, Synchronization, Thread,
};
use crate::{DeviceId, OpenError, ProcessId, Reader, StreamId, Strings, ThreadId};

/// How far loading is, for a progress bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Rows read so far.
    pub rows: u64,
    /// Rows in the file.
    pub total: u64,
}

/// Every table of a recording.
///
/// A row's id is its position plus one in the `Vec` of its table (rows are never deleted), so the
/// tables that others refer to are looked up with [`Recording::process`] and its siblings.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "each field is the table of the same name")]
pub struct Recording {
    pub strings: Strings,
    pub meta: Vec<Meta>,
    pub hosts: Vec<Host>,
    pub processes: Vec<Process>,
    pub threads: Vec<Thread>,
    pub devices: Vec<Device>,
    pub streams: Vec<Stream>,
    pub contexts: Vec<Context>,
    pub kernels: Vec<Kernel>,
    pub copies: Vec<Copy>,
    pub api_calls: Vec<ApiCall>,
    pub synchronizations: Vec<Synchronization>,
    pub ranges: Vec<Range>,
    pub marks: Vec<Mark>,
    pub operators: Vec<Operator>,
    pub collectives: Vec<Collective>,
    pub collective_tests: Vec<CollectiveTest>,
    pub memory: Vec<MemoryEvent>,
    pub counters: Vec<Counter>,
    pub counter_samples: Vec<CounterSample>,
    pub clock_anchors: Vec<ClockAnchor>,
    pub overheads: Vec<Overhead>,
    pub losses: Vec<Loss>,
    pub notes: Vec<Note>,
}

impl Recording {
    /// Reads everything. `progress` is called now and then with the rows read so far.
    pub fn load(reader: &Reader, progress: &mut dyn FnMut(Progress)) -> Result<Self, OpenError> {
        let mut loader = Loader { reader, progress, done: 0, total: 0 };
        loader.total = loader.count_rows()?;
        Ok(Self {
            strings: reader.strings()?,
            meta: loader.table()?,
            hosts: loader.table()?,
            processes: loader.table()?,
            threads: loader.table()?,
            devices: loader.table()?,
            streams: loader.table()?,
            contexts: loader.table()?,
            kernels: loader.table()?,
            copies: loader.table()?,
            api_calls: loader.table()?,
            synchronizations: loader.table()?,
            ranges: loader.table()?,
            marks: loader.table()?,
            operators: loader.table()?,
            collectives: loader.table()?,
            collective_tests: loader.table()?,
            memory: loader.table()?,
            counters: loader.table()?,
            counter_samples: loader.table()?,
            clock_anchors: loader.table()?,
            overheads: loader.table()?,
            losses: loader.table()?,
            notes: loader.table()?,
        })
    }

    /// The process with this id.
    #[must_use]
    pub fn process(&self, id: ProcessId) -> Option<&Process> {
        row(&self.processes, id.0)
    }

    /// The thread with this id.
    #[must_use]
    pub fn thread(&self, id: ThreadId) -> Option<&Thread> {
        row(&self.threads, id.0)
    }

    /// The device with this id.
    #[must_use]
    pub fn device(&self, id: DeviceId) -> Option<&Device> {
        row(&self.devices, id.0)
    }

    /// The stream with this id.
    #[must_use]
    pub fn stream(&self, id: StreamId) -> Option<&Stream> {
        row(&self.streams, id.0)
    }

    /// A fact about the whole recording by its name.
    #[must_use]
    pub fn meta_value(&self, key: &str) -> Option<&str> {
        self.meta.iter().find(|meta| meta.key == key).map(|meta| meta.value.as_str())
    }
}

fn row<R>(rows: &[R], id: i64) -> Option<&R> {
    usize::try_from(id.checked_sub(1)?).ok().and_then(|index| rows.get(index))
}

struct Loader<'a> {
    reader: &'a Reader,
    progress: &'a mut dyn FnMut(Progress),
    done: u64,
    total: u64,
}

impl Loader<'_> {
    fn count_rows(&self) -> Result<u64, OpenError> {
        let mut total = 0;
        for table in [
            Kernel::TABLE,
            Copy::TABLE,
            ApiCall::TABLE,
            Synchronization::TABLE,
            Range::TABLE,
            Mark::TABLE,
            Operator::TABLE,
            Collective::TABLE,
            MemoryEvent::TABLE,
            CounterSample::TABLE,
        ] {
            total += self.reader.count(table)? as u64;
        }
        Ok(total)
    }

    fn table<R: Row>(&mut self) -> Result<Vec<R>, OpenError> {
        const ROWS_BETWEEN_CALLS: u64 = 1 << 16;
        let mut rows = Vec::with_capacity(self.reader.count(R::TABLE)?);
        self.reader.for_each::<R>(|_, row| {
            rows.push(row);
            self.done += 1;
            if self.done.is_multiple_of(ROWS_BETWEEN_CALLS) {
                (self.progress)(Progress { rows: self.done.min(self.total), total: self.total });
            }
        })?;
        (self.progress)(Progress { rows: self.done.min(self.total), total: self.total });
        Ok(rows)
    }
}
