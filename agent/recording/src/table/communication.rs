//! Collectives between ranks.

use super::table;
use crate::{ProcessId, StreamId, StringId, ThreadId, Timestamp};

table! {
    /// One collective operation as one rank took part in it.
    Collective in "collectives" {
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
        /// Who reported it: `nvtx`, `nccl-plugin`, `kineto`, … in `strings`.
        source_id: StringId,
        /// 1 when its end was not seen.
        open: bool,
    }
}
