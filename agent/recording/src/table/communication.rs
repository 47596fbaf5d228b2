//! Collectives between ranks.

use super::{table, text_enum};
use crate::{ProcessId, StreamId, StringId, ThreadId, Timestamp};

text_enum! {
    /// What the times of a collective are.
    Timing {
        /// From the call until it was done.
        #[default]
        Call = "call",
        /// Those of its kernel on the GPU.
        Kernel = "kernel",
        /// Only of handing it over to the GPU: they say nothing about how long it took.
        Enqueue = "enqueue",
        /// Only their difference is measured: how long it took, but not when.
        Length = "length",
    }
}

impl Timing {
    /// Whether start and end are the instants at which it ran.
    #[must_use]
    pub const fn is_placed(self) -> bool {
        matches!(self, Self::Call | Self::Kernel)
    }
}

table! {
    /// A result of a benchmark of collectives, as nccl-tests prints it: a measurement, not an event.
    CollectiveTest in "collective_tests" {
        /// The first of the processes that measured it.
        process_id: ProcessId,
        /// `all_reduce`, …, as in `collectives`, in `strings`.
        op_id: StringId,
        /// Element type as the benchmark names it, in `strings`; 0 when unknown.
        dtype_id: StringId,
        /// How elements are combined (`sum`, …), in `strings`; 0 where they are not.
        reduction_id: StringId,
        /// Message size, bytes.
        bytes: i64,
        /// Elements; NULL when unknown.
        elements: Option<i64>,
        /// Root rank; NULL where there is none.
        root: Option<i64>,
        /// Ranks; NULL when unknown.
        ranks: Option<i64>,
        /// 1 when input and output were the same buffer.
        in_place: bool,
        /// Time of one operation, ns.
        time_ns: i64,
        /// Bytes over time, 1e9 bytes/s, as printed.
        algbw_gbps: f64,
        /// What a link would have to carry, 1e9 bytes/s, as printed.
        busbw_gbps: f64,
        /// Wrong elements found; NULL when results were not checked.
        wrong: Option<i64>,
    }
}

table! {
    /// One collective operation as one rank took part in it.
    events: Collective in "collectives" {
        /// The process (rank).
        process_id: ProcessId,
        /// The thread that issued it, when known.
        thread_id: Option<ThreadId>,
        /// The stream of its kernel, for collectives on a GPU.
        stream_id: Option<StreamId>,
        /// Start, ns: of the kernel when it is known, else of the call.
        start_ns: Timestamp,
        /// End, ns: of the kernel or of the operation's completion.
        end_ns: Timestamp,
        /// `all_reduce`, `all_gather`, `reduce_scatter`, `all_to_all`, `broadcast`, `reduce`, `gather`, `scatter`, `send`, `recv`
        /// or `barrier`, in `strings`.
        op_id: StringId,
        /// Element type by its PyTorch name, in `strings`; 0 when unknown. Recorded: `float32`, `bfloat16`; imported from
        /// Kineto: the scalar type as the trace has it, `Float`, `BFloat16`.
        dtype_id: StringId,
        /// Message size as nccl-tests counts it: the greater of a rank's input and output; NULL when unknown.
        bytes: Option<i64>,
        /// The process group's name in `strings`; 0 when unknown.
        group_id: StringId,
        /// Ranks in the group; NULL when unknown.
        group_size: Option<i64>,
        /// Its number within the group, the same on every rank.
        sequence: Option<i64>,
        /// Who reported it: `nvtx`, `nccl` (its profiler plugin), `kernel` (only the name of NCCL's kernel), `kineto`, … in
        /// `strings`.
        source_id: StringId,
        /// 1 when its end was not seen.
        open: bool,
        /// What `start_ns` and `end_ns` are: of the `call` until it was done, of its `kernel`, only of its `enqueue`, which is
        /// no duration, or only a `length` that was measured, put where there is room for it.
        timing: Timing,
        /// When it was handed over to the GPU on the thread, ns, where NCCL told it. An `nvtx` row of the same operation and
        /// thread around this instant is the same call.
        enqueued_ns: Option<Timestamp>,
        /// Joins it to the row of `kernels` of the same process. Calls that were grouped share one.
        correlation: Option<i64>,
    }
}
