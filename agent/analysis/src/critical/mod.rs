//! The critical path of a rank: the chain of causes that leads to the end of a stretch of time.
//!
//! It is found backwards, from what ended last: each thing is followed to the *last* of the things that it had to wait for, so
//! that every piece of the path is something that held up what came after it, and the pieces fill the stretch without a gap.
//! What something had to wait for:
//!
//! * a thread: what it did before; at the end of a wait for the GPU, the operation waited for;
//! * an operation of the GPU: the one before it on its stream; the end of its launching call (or its own start, when it began
//!   while the call was still running: then it did not wait for the rest of the call); operations of another stream, where the
//!   stream was told to wait for an event;
//! * a backward operator on a thread that had nothing to do: the forward operator with the same sequence number, on another
//!   thread; a thread that ran nothing while its backward operators ran on another: the last of these.
//!
//! A cause never ends after its effect begins: where clocks disagree the link is not used. Where a recording does not say on
//! which stream an event was recorded, it is taken to be the stream of the last operation that the recording thread launched
//! before on another stream than the waiting one. Where calls are not told what they wait for, their names and times must do
//! (`host` and `event`). Collectives wait for other ranks too, which one rank's rows do not show: the path stays on the rank,
//! and how much of its communication was such waiting is told where all ranks of the group are in the report (`waiting`).
//!
//! Holistic Trace Analysis (0.5) has a critical path too. Where and why it differs, on the traces of its own tests:
//!
//! * It looks for the heaviest path through a graph in which the time between operators of the top level weighs nothing. So its
//!   path does not fill the stretch: of `a100_event_sync_streams` it explains 1.2 ms of 19.9 ms, of the first step of
//!   `a100_nccl_data` 102 ms of 221 ms. Here that time is `(between operators)` of the host.
//! * Of `a100_event_sync_streams` it leads to the last kernel over the memset that ended 15 µs before on its stream, and from
//!   that to the start of its call. What the kernel waited for last is its own launch, which ended 1 µs before it began.
//! * It takes an operation to depend on the start of its launching call, and shows the call as delay; here it is the end.
//! * Its path ends with the last event that begins within the stretch, ranges left out. In `a100_simple_add` that is a kernel, and
//!   six operations are on its path; the range that was asked for ends 661 µs later on the host, which waited for none of them.
//!   Up to that kernel both paths are the same on the GPU. In `a100_event_sync_streams` the 13 µs in which
//!   `cudaDeviceSynchronize` returns are not on its path.
//! * It knows no link between threads: a backward pass on the autograd thread begins with nothing, and in `a100_nccl_data` the
//!   thread that waits for it leads nowhere (0.7 ms here). It needs `cuda_sync` rows for every wait.
//! * It rounds to microseconds.

mod event;
mod graph;
mod host;
mod label;
mod summary;
mod waiting;
mod walk;

use perfagent_recording::table::CopyKind;
use perfagent_recording::{Recording, StringId, ThreadId};

use self::event::Events;
use self::graph::{Graph, OperationIndex};
use crate::launched::Launches;
use crate::positions::Positions;
use crate::process::ProcessRows;

pub(crate) use summary::summary;
pub(crate) use waiting::{
    CallOnPath, CommunicationPiece, add_waiting, calls_on_path, communication,
};
pub(crate) use walk::{Start, path};

/// What a piece of the path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathKind {
    /// A thread ran: an operator, a call, or something between them.
    Host,
    /// From the end of a launching call to the start of its operation, while the stream was free.
    LaunchDelay,
    /// A kernel other than communication.
    Kernel,
    /// A kernel of communication.
    Communication,
    /// A copy or memset.
    Copy,
    /// What passes between an end and the start that waited for it.
    Wait,
    /// Nothing is known that ran or was waited for.
    Idle,
}

impl PathKind {
    /// The word in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::LaunchDelay => "launch_delay",
            Self::Kernel => "kernel",
            Self::Communication => "communication",
            Self::Copy => "copy",
            Self::Wait => "wait",
            Self::Idle => "idle",
        }
    }
}

/// What a piece of the path is called by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathName {
    /// A text of the recording.
    Text(StringId),
    /// A kind of copy.
    Copy(CopyKind),
    /// What has no name of its own.
    Fixed(&'static str),
}

impl PathName {
    /// The name as text.
    #[must_use]
    pub fn text(self, recording: &Recording) -> &str {
        match self {
            Self::Text(id) => recording.strings.get(id),
            Self::Copy(kind) => kind.as_str(),
            Self::Fixed(text) => text,
        }
    }
}

/// The row that a piece of the path is of, by its position in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each variant is the table of the same name")]
pub enum PathRow {
    Kernel(u32),
    Copy(u32),
    ApiCall(u32),
    Operator(u32),
    Range(u32),
}

impl PathRow {
    /// The row of an operation of these kernels and copies: kernels come first.
    fn of_operation(
        (kernels, copies): (&Positions, &Positions),
        index: OperationIndex,
    ) -> Option<Self> {
        let index = index as usize;
        match index.checked_sub(kernels.len()) {
            None => kernels.get(index).map(Self::Kernel),
            Some(copy) => copies.get(copy).map(Self::Copy),
        }
    }
}

/// An operation of the GPU that could not begin before another one, on another stream, had ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventWait {
    /// The operation that waits: the first that its stream was given after it was told to wait.
    pub waiting: PathRow,
    /// The last of what the event stands for.
    pub awaited: PathRow,
}

/// What operations of a process waited for by events, in the order of those that wait.
pub(crate) fn event_waits(
    recording: &Recording,
    rows: &ProcessRows,
    launches: &Launches,
) -> Vec<EventWait> {
    let events = Events::of(recording, rows.process, &Graph::of(launches));
    let row = |index| PathRow::of_operation((&rows.kernels, &rows.copies), index);
    let mut waits: Vec<EventWait> = events
        .pairs()
        .filter_map(|(waiting, awaited)| {
            Some(EventWait { waiting: row(waiting)?, awaited: row(awaited)? })
        })
        .collect();
    waits.sort_unstable();
    waits.dedup();
    waits
}

/// A piece of the path: half-open `[start, end)`, never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathSegment {
    /// Start, ns since the Unix epoch.
    pub start_ns: i64,
    /// End, ns since the Unix epoch.
    pub end_ns: i64,
    /// What it is.
    pub kind: PathKind,
    /// Its name.
    pub name: PathName,
    /// The row that it is of: of a launch delay and of a wait on the GPU, the operation that it ends with.
    pub row: Option<PathRow>,
    /// The thread, of what is on the host.
    pub thread: Option<ThreadId>,
}

/// A critical path. Its segments are in order of time, and each begins where the one before it ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CriticalPath {
    /// The stretch of time, `[start, end)`, ns since the Unix epoch.
    pub window: (i64, i64),
    /// The pieces that fill it.
    pub segments: Vec<PathSegment>,
}
