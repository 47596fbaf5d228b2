//! What is kept of a trace while it is read: small rows, with every text and thread by number; and how they become rows of a
//! recording. Traces of PyTorch and of XLA are read into it.
//!
//! Times are nanoseconds relative to the trace's base, which most writers tell only at the end.

mod join;
pub(crate) mod own;
mod place;
mod sparse;
mod write;

use std::collections::HashMap;

use perfagent_recording::table::{CopyKind, Payload, Timing, WaitKind};

use crate::texts::{Text, Texts};

pub(crate) use join::Joined;
use own::Own;
pub(crate) use sparse::{Small, Sparse};
pub(crate) use write::write;

/// Start and end, ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) start: i64,
    pub(crate) end: i64,
}

/// A run of a kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kernel {
    pub(crate) times: Times,
    pub(crate) stream: u32,
    pub(crate) name: Text,
    pub(crate) correlation: Option<i64>,
    pub(crate) grid: [Small; 3],
    pub(crate) block: [Small; 3],
    pub(crate) registers: Small,
    pub(crate) static_shared: Small,
    pub(crate) dynamic_shared: Small,
    pub(crate) graph: Option<i64>,
    pub(crate) graph_node: Option<i64>,
}

/// A copy or memset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Copy {
    pub(crate) times: Times,
    pub(crate) stream: u32,
    pub(crate) kind: CopyKind,
    pub(crate) bytes: i64,
    pub(crate) correlation: Option<i64>,
    pub(crate) graph: Option<i64>,
    pub(crate) graph_node: Option<i64>,
}

/// A call of the runtime or driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) times: Times,
    pub(crate) thread: u32,
    pub(crate) name: Text,
    pub(crate) correlation: Option<i64>,
}

/// An operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operator {
    pub(crate) times: Times,
    pub(crate) thread: u32,
    pub(crate) name: Text,
    pub(crate) shapes: Text,
    pub(crate) types: Text,
    /// As it is written, where it is.
    pub(crate) depth: Small,
    /// Negative where there is none.
    pub(crate) sequence: i64,
}

/// What few operators have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OperatorExtra {
    pub(crate) flops: Option<i64>,
    pub(crate) open: bool,
}

/// A range that the program marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Annotation {
    pub(crate) times: Times,
    pub(crate) thread: u32,
    pub(crate) name: Text,
}

/// What a range has that was recorded through NVTX.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct AnnotationExtra {
    pub(crate) depth: Option<i64>,
    pub(crate) domain: Text,
    pub(crate) category: Text,
    pub(crate) color: Option<i64>,
    pub(crate) payload: Payload,
    pub(crate) open: bool,
}

/// A point in time that the program marked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Mark {
    pub(crate) time: i64,
    pub(crate) thread: u32,
    pub(crate) domain: Text,
    pub(crate) category: Text,
    pub(crate) name: Text,
    pub(crate) payload: Payload,
}

/// A wait for the GPU, or of one stream for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) times: Times,
    pub(crate) pid: u32,
    pub(crate) kind: WaitKind,
    pub(crate) context: i64,
    pub(crate) stream: Option<i64>,
    pub(crate) event: Option<i64>,
    pub(crate) correlation: Option<i64>,
    pub(crate) recorded_by: Option<i64>,
    pub(crate) recorded_on: Option<i64>,
}

/// A collective, as its kernel tells it, or an event of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Collective {
    pub(crate) times: Times,
    pub(crate) pid: u32,
    pub(crate) thread: Option<u32>,
    pub(crate) stream: Option<u32>,
    pub(crate) op: Text,
    pub(crate) dtype: Text,
    pub(crate) bytes: Option<i64>,
    pub(crate) group: Text,
    pub(crate) group_size: Option<i64>,
    pub(crate) sequence: Option<i64>,
    pub(crate) source: Text,
    pub(crate) timing: Timing,
    pub(crate) open: bool,
    pub(crate) enqueued: Option<i64>,
    pub(crate) correlation: Option<i64>,
}

/// A change of memory, with the totals after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) time: i64,
    pub(crate) pid: u32,
    /// `None` for host memory.
    pub(crate) device: Option<i32>,
    pub(crate) bytes: Option<i64>,
    pub(crate) address: Option<i64>,
    pub(crate) allocated: Option<i64>,
    pub(crate) reserved: Option<i64>,
}

/// What memory events have that were not made by PyTorch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MemoryExtra {
    pub(crate) device_bytes: Option<i64>,
    pub(crate) source: Text,
    pub(crate) kind: Text,
    pub(crate) site: Text,
    pub(crate) correlation: Option<i64>,
}

/// A reading of a counter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) time: i64,
    pub(crate) pid: u32,
    pub(crate) label: Text,
    pub(crate) value: f64,
}

/// A kernel, or a stretch of time, whose hardware counters were measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Measured {
    pub(crate) times: Times,
    pub(crate) pid: u32,
    /// Ordinal of the GPU, where it is known.
    pub(crate) device: Option<i32>,
    pub(crate) name: Text,
    /// Its number within the process, once it is known.
    pub(crate) index: Option<i64>,
    pub(crate) correlation: Option<i64>,
    /// How many of the metrics are of it: those behind the metrics of the rows before it.
    pub(crate) metrics: u32,
}

/// A thread that has events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Thread {
    pub(crate) pid: Box<str>,
    pub(crate) tid: Box<str>,
}

/// A stream that has operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Stream {
    pub(crate) pid: u32,
    pub(crate) device: i64,
    pub(crate) number: i64,
    pub(crate) context: Option<i64>,
}

/// A GPU as the trace describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct DeviceProperties {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) total_global_mem: Option<i64>,
    pub(crate) num_sms: Option<i64>,
    pub(crate) compute_major: Option<i64>,
    pub(crate) compute_minor: Option<i64>,
}

/// Everything that is kept of a trace.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Trace {
    pub(crate) texts: Texts,
    pub(crate) rank: Option<i64>,
    pub(crate) world_size: Option<i64>,
    /// What times are relative to, ns since the Unix epoch; 0 where they are absolute.
    pub(crate) base: i64,
    /// The number of the process that was profiled, when an event of it tells.
    pub(crate) pid: Option<i64>,
    pub(crate) devices: Vec<DeviceProperties>,
    /// Which processes the tracks stand for, in files that perfagent has written.
    pub(crate) own: Option<Own>,
    /// The values of `pid` that rows refer to by number.
    pub(crate) pids: Vec<Box<str>>,
    pub(crate) threads: Vec<Thread>,
    /// In each combination of process, device, number and context that was met.
    pub(crate) streams: Vec<Stream>,
    /// Names of processes and threads, by pid and tid; of a process the tid is empty.
    pub(crate) names: HashMap<(Box<str>, Box<str>), String>,
    pub(crate) kernels: Vec<Kernel>,
    pub(crate) copies: Vec<Copy>,
    pub(crate) calls: Vec<Call>,
    /// What calls have returned, where that is told.
    pub(crate) results: Sparse<i64>,
    pub(crate) waits: Vec<Wait>,
    pub(crate) operators: Vec<Operator>,
    pub(crate) operator_extras: Sparse<OperatorExtra>,
    pub(crate) annotations: Vec<Annotation>,
    pub(crate) annotation_extras: Sparse<AnnotationExtra>,
    pub(crate) marks: Vec<Mark>,
    pub(crate) collectives: Vec<Collective>,
    /// How many of the collectives are events of their own.
    pub(crate) collective_events: usize,
    pub(crate) memory: Vec<Memory>,
    pub(crate) memory_extras: Sparse<MemoryExtra>,
    pub(crate) samples: Vec<Sample>,
    pub(crate) measured: Vec<Measured>,
    /// Names and values, row of `measured` after row.
    pub(crate) metrics: Vec<(Text, f64)>,
}

impl Trace {
    /// How many events are kept. A collective that is told by a kernel is no event of its own.
    pub(crate) fn kept(&self) -> usize {
        self.kernels.len()
            + self.copies.len()
            + self.calls.len()
            + self.waits.len()
            + self.operators.len()
            + self.annotations.len()
            + self.marks.len()
            + self.collective_events
            + self.memory.len()
            + self.samples.len()
            + self.measured.len()
    }

    /// The least and the greatest time.
    pub(crate) fn extent(&self) -> Option<Times> {
        let at = |time| Times { start: time, end: time };
        let times = (self.kernels.iter().map(|row| row.times))
            .chain(self.copies.iter().map(|row| row.times))
            .chain(self.calls.iter().map(|row| row.times))
            .chain(self.waits.iter().map(|row| row.times))
            .chain(self.operators.iter().map(|row| row.times))
            .chain(self.annotations.iter().map(|row| row.times))
            .chain(self.measured.iter().map(|row| row.times))
            .chain(self.marks.iter().map(|row| at(row.time)))
            .chain(self.memory.iter().map(|row| at(row.time)));
        times
            .reduce(|all, one| Times { start: all.start.min(one.start), end: all.end.max(one.end) })
    }
}
