//! What is kept of a trace while it is read: small rows, with every text and thread by number.
//!
//! Times are nanoseconds relative to the trace's base, which most writers tell only at the end.

use std::collections::HashMap;

use perfagent_recording::table::CopyKind;

use crate::texts::{Text, Texts};

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
    pub(crate) grid: [Option<u32>; 3],
    pub(crate) block: [Option<u32>; 3],
    pub(crate) registers: Option<u32>,
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
    pub(crate) sequence: Option<i64>,
}

/// A range that the program marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Annotation {
    pub(crate) times: Times,
    pub(crate) thread: u32,
    pub(crate) name: Text,
}

/// A collective, as its kernel tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Collective {
    pub(crate) times: Times,
    pub(crate) stream: u32,
    pub(crate) op: Text,
    pub(crate) dtype: Text,
    pub(crate) bytes: Option<i64>,
    pub(crate) group: Text,
    pub(crate) group_size: Option<i64>,
    pub(crate) sequence: Option<i64>,
}

/// A change of memory, with the totals after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) time: i64,
    /// `None` for host memory.
    pub(crate) device: Option<i64>,
    pub(crate) bytes: Option<i64>,
    pub(crate) address: Option<i64>,
    pub(crate) allocated: Option<i64>,
    pub(crate) reserved: Option<i64>,
}

/// A thread that has events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Thread {
    pub(crate) pid: Box<str>,
    pub(crate) tid: Box<str>,
}

/// A stream that has operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stream {
    pub(crate) device: i64,
    pub(crate) number: i64,
    /// Of its first operation.
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
#[derive(Debug, Default)]
pub(crate) struct Trace {
    pub(crate) texts: Texts,
    pub(crate) rank: Option<i64>,
    pub(crate) world_size: Option<i64>,
    /// What times are relative to, ns since the Unix epoch; 0 where they are absolute.
    pub(crate) base: i64,
    /// The number of the process that was profiled, when an event of it tells.
    pub(crate) pid: Option<i64>,
    pub(crate) devices: Vec<DeviceProperties>,
    pub(crate) threads: Vec<Thread>,
    pub(crate) streams: Vec<Stream>,
    /// Names of processes and threads, by pid and tid; of a process the tid is empty.
    pub(crate) names: HashMap<(Box<str>, Box<str>), String>,
    pub(crate) kernels: Vec<Kernel>,
    pub(crate) copies: Vec<Copy>,
    pub(crate) calls: Vec<Call>,
    pub(crate) operators: Vec<Operator>,
    pub(crate) annotations: Vec<Annotation>,
    pub(crate) collectives: Vec<Collective>,
    pub(crate) memory: Vec<Memory>,
}

impl Trace {
    /// How many events are kept. A collective is told by a kernel, and is no event of its own.
    pub(crate) fn kept(&self) -> usize {
        self.kernels.len()
            + self.copies.len()
            + self.calls.len()
            + self.operators.len()
            + self.annotations.len()
            + self.memory.len()
    }

    /// The least and the greatest time.
    pub(crate) fn extent(&self) -> Option<Times> {
        let times = (self.kernels.iter().map(|row| row.times))
            .chain(self.copies.iter().map(|row| row.times))
            .chain(self.calls.iter().map(|row| row.times))
            .chain(self.operators.iter().map(|row| row.times))
            .chain(self.annotations.iter().map(|row| row.times))
            .chain(self.memory.iter().map(|row| Times { start: row.time, end: row.time }));
        times
            .reduce(|all, one| Times { start: all.start.min(one.start), end: all.end.max(one.end) })
    }
}
