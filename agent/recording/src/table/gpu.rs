//! What GPUs did: kernels, copies, and the calls that launched them.

use super::{table, text_enum};
use crate::{DeviceId, ProcessId, StreamId, StringId, ThreadId, Timestamp};

table! {
    /// A GPU as one process sees it.
    Device in "devices" {
        /// The process.
        process_id: ProcessId,
        /// The CUDA ordinal in that process.
        ordinal: i64,
        /// The device's UUID (`GPU-…`), which is the same in every process.
        uuid: Option<String>,
        /// Product name.
        name: String,
        /// Memory in bytes.
        total_bytes: Option<i64>,
        /// Streaming multiprocessors.
        sm_count: Option<i64>,
        /// Compute capability, major.
        cc_major: Option<i64>,
        /// Compute capability, minor.
        cc_minor: Option<i64>,
    }
}

table! {
    /// A CUDA stream.
    Stream in "streams" {
        /// Its process.
        process_id: ProcessId,
        /// Its device.
        device_id: DeviceId,
        /// CUPTI's number for it.
        stream: i64,
        /// CUPTI's number for its context.
        context: Option<i64>,
        /// Its name, when the program gave one; else empty.
        name: String,
        /// Its priority, where known: lower numbers go first.
        priority: Option<i64>,
        /// `default`, `non-blocking` or `null`, where known.
        kind: Option<String>,
    }
}

table! {
    /// A CUDA context.
    Context in "contexts" {
        /// Its process.
        process_id: ProcessId,
        /// Its device.
        device_id: DeviceId,
        /// CUPTI's number for it.
        context: i64,
        /// CUPTI's number for its default stream.
        null_stream: i64,
    }
}

table! {
    /// One run of a kernel; or of a whole CUDA graph (`record --cuda-graphs graph`), which is named `[CUDA graph]` and has a
    /// `graph` but no `graph_node`.
    events: Kernel in "kernels" {
        /// The process that launched it.
        process_id: ProcessId,
        /// The device it ran on.
        device_id: DeviceId,
        /// The stream it ran in.
        stream_id: StreamId,
        /// Start on the GPU, ns.
        start_ns: Timestamp,
        /// End on the GPU, ns.
        end_ns: Timestamp,
        /// Its full name in `strings`.
        name_id: StringId,
        /// Joins it to the row of `api_calls` of the same process that launched it.
        correlation: Option<i64>,
        /// Blocks in x.
        grid_x: Option<i64>,
        /// Blocks in y.
        grid_y: Option<i64>,
        /// Blocks in z.
        grid_z: Option<i64>,
        /// Threads a block in x.
        block_x: Option<i64>,
        /// Threads a block in y.
        block_y: Option<i64>,
        /// Threads a block in z.
        block_z: Option<i64>,
        /// Registers a thread.
        registers: Option<i64>,
        /// Statically allocated shared memory a block, bytes.
        static_shared_bytes: Option<i64>,
        /// Dynamically allocated shared memory a block, bytes.
        dynamic_shared_bytes: Option<i64>,
        /// The executable CUDA graph that it belongs to.
        graph: Option<i64>,
        /// Its node in that graph.
        graph_node: Option<i64>,
    }
}

text_enum! {
    /// Which way a copy went.
    CopyKind {
        /// Anything else, such as array copies.
        #[default]
        Other = "other",
        /// Host to device.
        HtoD = "HtoD",
        /// Device to host.
        DtoH = "DtoH",
        /// Within a device.
        DtoD = "DtoD",
        /// Within the host.
        HtoH = "HtoH",
        /// From one device to another.
        PtoP = "PtoP",
        /// A managed-memory migration to the device.
        UnifiedHtoD = "unified-HtoD",
        /// A managed-memory migration to the host.
        UnifiedDtoH = "unified-DtoH",
        /// A managed-memory migration between devices.
        UnifiedDtoD = "unified-DtoD",
        /// Memory set to a value.
        Memset = "memset",
    }
}

table! {
    /// One copy or memset on a GPU.
    events: Copy in "copies" {
        /// The process that asked for it.
        process_id: ProcessId,
        /// The device it ran on.
        device_id: DeviceId,
        /// The stream it ran in.
        stream_id: StreamId,
        /// Start on the GPU, ns.
        start_ns: Timestamp,
        /// End on the GPU, ns.
        end_ns: Timestamp,
        /// `HtoD`, `DtoH`, `DtoD`, `HtoH`, `PtoP`, `unified-…`, `memset` or `other`.
        kind: CopyKind,
        /// Bytes moved or set.
        bytes: i64,
        /// Joins it to the row of `api_calls` of the same process that launched it.
        correlation: Option<i64>,
        /// The executable CUDA graph that it belongs to.
        graph: Option<i64>,
        /// Its node in that graph.
        graph_node: Option<i64>,
    }
}

table! {
    /// One call of the CUDA runtime or driver on the host.
    events: ApiCall in "api_calls" {
        /// The calling process.
        process_id: ProcessId,
        /// The calling thread.
        thread_id: ThreadId,
        /// Start of the call, ns.
        start_ns: Timestamp,
        /// End of the call, ns.
        end_ns: Timestamp,
        /// The function's name in `strings`.
        name_id: StringId,
        /// Joins it to what it launched, within the process.
        correlation: Option<i64>,
        /// The status that it returned; 0 is success.
        result: Option<i64>,
    }
}

text_enum! {
    /// What was waited for.
    WaitKind {
        /// Something newer than this program.
        #[default]
        Other = "other",
        /// The host waited for an event.
        Event = "event",
        /// A stream waits for an event of another.
        StreamEvent = "stream-event",
        /// The host waited for a stream.
        Stream = "stream",
        /// The host waited for a context.
        Context = "context",
    }
}

table! {
    /// A wait for the GPU, or of one stream for another. Never counted as work of the GPU.
    events: Synchronization in "synchronizations" {
        /// The process.
        process_id: ProcessId,
        /// Start of the wait, ns.
        start_ns: Timestamp,
        /// End of the wait, ns.
        end_ns: Timestamp,
        /// `event`, `stream-event`, `stream`, `context` or `other`.
        kind: WaitKind,
        /// CUPTI's number for the context.
        context: i64,
        /// CUPTI's number for the stream.
        stream: Option<i64>,
        /// A number for the event, its own in its process while it exists.
        event: Option<i64>,
        /// Joins it to the row of `api_calls` of the same process that waited.
        correlation: Option<i64>,
        /// The `correlation` of the call that recorded the event waited for, where that is told.
        recorded_by: Option<i64>,
        /// CUPTI's number for the stream that the event waited for was recorded on, where that is told.
        recorded_on: Option<i64>,
    }
}
