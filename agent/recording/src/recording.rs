//! A whole recording in memory: what analysis and the GUI work on.

use crate::packed::Rows;
use crate::table::{
    ApiCall, ClockAnchor, Collective, CollectiveTest, Context, Copy, Counter, CounterSample,
    Device, Host, Kernel, Loss, Mark, MemoryEvent, Meta, Note, Operator, Overhead, Process, Range,
    Stream, Synchronization, Thread,
};
use crate::{DeviceId, OpenError, ProcessId, Reader, StreamId, Strings, ThreadId, load};

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
/// A row's id is its position plus one in its table (rows are never deleted), so the tables that others refer to are looked up with [`Recording::process`] and its siblings.
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
    pub kernels: Rows<Kernel>,
    pub copies: Rows<Copy>,
    pub api_calls: Rows<ApiCall>,
    pub synchronizations: Rows<Synchronization>,
    pub ranges: Rows<Range>,
    pub marks: Rows<Mark>,
    pub operators: Rows<Operator>,
    pub collectives: Rows<Collective>,
    pub collective_tests: Vec<CollectiveTest>,
    pub memory: Rows<MemoryEvent>,
    pub counters: Vec<Counter>,
    pub counter_samples: Rows<CounterSample>,
    pub clock_anchors: Vec<ClockAnchor>,
    pub overheads: Rows<Overhead>,
    pub losses: Vec<Loss>,
    pub notes: Vec<Note>,
}

impl Recording {
    /// Reads everything, on all processors. `progress` is called now and then with the rows read so far.
    pub fn load(reader: &Reader, progress: &mut dyn FnMut(Progress)) -> Result<Self, OpenError> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self::load_on(reader, processors, progress)
    }

    /// [`Recording::load`] with so many threads, for those who read several recordings at once.
    pub fn load_on(
        reader: &Reader,
        threads: usize,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self, OpenError> {
        let events = load::load(reader, threads, progress)?;
        Ok(Self {
            strings: reader.strings()?,
            meta: reader.rows()?,
            hosts: reader.rows()?,
            processes: reader.rows()?,
            threads: reader.rows()?,
            devices: reader.rows()?,
            streams: reader.rows()?,
            contexts: reader.rows()?,
            kernels: events.kernels,
            copies: events.copies,
            api_calls: events.api_calls,
            synchronizations: events.synchronizations,
            ranges: events.ranges,
            marks: events.marks,
            operators: events.operators,
            collectives: events.collectives,
            collective_tests: reader.rows()?,
            memory: events.memory,
            counters: reader.rows()?,
            counter_samples: events.counter_samples,
            clock_anchors: reader.rows()?,
            overheads: events.overheads,
            losses: reader.rows()?,
            notes: reader.rows()?,
        })
    }

    /// Gives back memory that only further rows would need.
    pub(crate) fn shrink_to_fit(&mut self) {
        self.kernels.shrink_to_fit();
        self.copies.shrink_to_fit();
        self.api_calls.shrink_to_fit();
        self.synchronizations.shrink_to_fit();
        self.ranges.shrink_to_fit();
        self.marks.shrink_to_fit();
        self.operators.shrink_to_fit();
        self.collectives.shrink_to_fit();
        self.memory.shrink_to_fit();
        self.counter_samples.shrink_to_fit();
        self.overheads.shrink_to_fit();
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
