//! What a ring can hold: one variant per kind of event.

use crate::wire::{Room, Wire};
use crate::{LossCause, MonotonicNs, Payload, RealtimeNs};

/// Declares the records: the enum, the stable number of each kind, and both directions of the encoding, from one list.
macro_rules! records {
    ($( $(#[$doc:meta])* $number:literal $kind:ident { $( $(#[$field_doc:meta])* $field:ident: $type:ty ),* $(,)? } )*) => {
        /// One event. Texts are given by the id of an earlier [`Record::String`]; id 0 is the empty text.
        #[derive(Debug, Clone, Copy, PartialEq)]
        #[non_exhaustive]
        pub enum Record<'a> {
            $( $(#[$doc])* $kind { $( $(#[$field_doc])* $field: $type ),* } ),*
        }

        impl<'a> Record<'a> {
            /// The stable number of this kind in the file.
            pub(crate) fn kind(&self) -> u16 {
                match self { $( Self::$kind { .. } => $number ),* }
            }

            /// Writes the fields to the beginning of `out`, which has room for them; how many bytes they are.
            #[inline]
            pub(crate) fn encode(&self, out: &mut [u8]) -> usize {
                match self { $( Self::$kind { $( $field ),* } => {
                    let least = 0 $( + <$type as Wire>::BYTES )*;
                    let fixed = true $( && <$type as Wire>::FIXED )*;
                    let mut room = Room(if fixed { &mut out[..least] } else { out });
                    let before = room.0.len();
                    $( $field.put(&mut room); )*
                    before - room.0.len()
                } )* }
            }

            /// The record of this kind in exactly these bytes; `None` when they cannot be one.
            pub(crate) fn decode(kind: u16, mut bytes: &'a [u8]) -> Option<Self> {
                let from = &mut bytes;
                let record = match kind {
                    $( $number => Self::$kind { $( $field: <$type as Wire>::take(from)? ),* }, )*
                    _ => return None,
                };
                bytes.is_empty().then_some(record)
            }
        }
    };
}

records! {
    /// A text, written before the first record that uses its id.
    1 String {
        /// The id, from 1.
        id: u32,
        /// The text, at most [`MAX_TEXT_BYTES`](crate::MAX_TEXT_BYTES) bytes.
        text: &'a str,
    }
    /// The name of a thread.
    2 ThreadName {
        /// The thread, as the kernel numbers it.
        tid: u32,
        /// String id.
        name: u32,
    }
    /// An NVTX domain.
    3 Domain {
        /// The domain, from 1; 0 is the default domain and is never declared.
        domain: u32,
        /// String id.
        name: u32,
    }
    /// The name of an NVTX category.
    4 Category {
        /// The domain it belongs to.
        domain: u32,
        /// The program's number for it.
        category: u32,
        /// String id.
        name: u32,
    }
    /// A range opens on a thread; it nests.
    5 RangePush {
        /// When.
        time: MonotonicNs,
        /// The thread.
        tid: u32,
        /// The NVTX domain.
        domain: u32,
        /// The NVTX category; 0 for none.
        category: u32,
        /// ARGB; 0 for none.
        color: u32,
        /// String id.
        name: u32,
        /// The program's number.
        payload: Payload,
    }
    /// The innermost range of that thread and domain closes.
    6 RangePop {
        /// When.
        time: MonotonicNs,
        /// The thread.
        tid: u32,
        /// The NVTX domain.
        domain: u32,
    }
    /// A range opens that may close on another thread.
    7 RangeStart {
        /// When.
        time: MonotonicNs,
        /// The thread that opened it.
        tid: u32,
        /// Unique in the process.
        id: u64,
        /// The NVTX domain.
        domain: u32,
        /// The NVTX category; 0 for none.
        category: u32,
        /// ARGB; 0 for none.
        color: u32,
        /// String id.
        name: u32,
        /// The program's number.
        payload: Payload,
    }
    /// The range with this id closes.
    8 RangeEnd {
        /// When.
        time: MonotonicNs,
        /// The thread that closed it.
        tid: u32,
        /// The id of its [`Record::RangeStart`].
        id: u64,
    }
    /// An instant.
    9 Mark {
        /// When.
        time: MonotonicNs,
        /// The thread.
        tid: u32,
        /// The NVTX domain.
        domain: u32,
        /// The NVTX category; 0 for none.
        category: u32,
        /// ARGB; 0 for none.
        color: u32,
        /// String id.
        name: u32,
        /// The program's number.
        payload: Payload,
    }
    /// A GPU that this process sees.
    10 Device {
        /// The process's number for it, as in the GPU records.
        ordinal: u32,
        /// String id.
        name: u32,
        /// The UUID, 16 raw bytes.
        uuid: [u8; 16],
        /// Memory, in bytes.
        total_bytes: u64,
        /// Multiprocessors.
        sm_count: u32,
        /// Compute capability, major.
        cc_major: u32,
        /// Compute capability, minor.
        cc_minor: u32,
    }
    /// A kernel ran.
    11 Kernel {
        /// When it started on the GPU.
        start: MonotonicNs,
        /// When it ended.
        end: MonotonicNs,
        /// The device.
        device: u32,
        /// The CUDA context.
        context: u32,
        /// The CUDA stream.
        stream: u32,
        /// Joins it with the [`Record::Api`] call that launched it.
        correlation: u32,
        /// String id of the demangled name.
        name: u32,
        /// Blocks, by axis.
        grid: [u32; 3],
        /// Threads a block, by axis.
        block: [u32; 3],
        /// Registers a thread.
        registers: u16,
        /// Static shared memory a block, in bytes.
        static_smem: u32,
        /// Dynamic shared memory a block, in bytes.
        dynamic_smem: u32,
        /// The CUDA graph; 0 for none.
        graph: u32,
        /// The node in that graph; 0 for none.
        graph_node: u64,
    }
    /// A copy ran.
    12 Memcpy {
        /// When it started.
        start: MonotonicNs,
        /// When it ended.
        end: MonotonicNs,
        /// The device.
        device: u32,
        /// The CUDA context.
        context: u32,
        /// The CUDA stream.
        stream: u32,
        /// Joins it with the call that asked for it.
        correlation: u32,
        /// Bytes copied.
        bytes: u64,
        /// `CUpti_ActivityMemcpyKind`.
        kind: u8,
        /// `CUpti_ActivityMemoryKind` of the source.
        src_kind: u8,
        /// `CUpti_ActivityMemoryKind` of the destination.
        dst_kind: u8,
        /// The other device of a peer copy; -1 for none.
        peer_device: i32,
        /// The CUDA graph; 0 for none.
        graph: u32,
        /// The node in that graph; 0 for none.
        graph_node: u64,
    }
    /// Memory was filled.
    13 Memset {
        /// When it started.
        start: MonotonicNs,
        /// When it ended.
        end: MonotonicNs,
        /// The device.
        device: u32,
        /// The CUDA context.
        context: u32,
        /// The CUDA stream.
        stream: u32,
        /// Joins it with the call that asked for it.
        correlation: u32,
        /// Bytes set.
        bytes: u64,
        /// The value written.
        value: u32,
        /// The CUDA graph; 0 for none.
        graph: u32,
        /// The node in that graph; 0 for none.
        graph_node: u64,
    }
    /// A call of the CUDA API.
    14 Api {
        /// When it was entered.
        start: MonotonicNs,
        /// When it returned.
        end: MonotonicNs,
        /// The calling thread.
        tid: u32,
        /// Joins it with what it launched.
        correlation: u32,
        /// String id of the function.
        name: u32,
        /// What it returned; 0 is success.
        result: i32,
    }
    /// The two clocks, read together.
    15 Anchor {
        /// One clock.
        monotonic: MonotonicNs,
        /// The other.
        realtime: RealtimeNs,
    }
    /// A remark of the injection that the user should see.
    16 Note {
        /// When.
        time: MonotonicNs,
        /// String id.
        text: u32,
    }
    /// Between these times events were lost.
    17 Gap {
        /// The first loss.
        start: MonotonicNs,
        /// The last.
        end: MonotonicNs,
        /// Why.
        cause: LossCause,
        /// How many.
        count: u64,
    }
    /// A communicator of NCCL was created, or its name became known.
    18 NcclCommunicator {
        /// Our number for it, from 1; unique in the process.
        communicator: u32,
        /// NCCL's number for it, the same on every rank; 0 when not told.
        hash: u64,
        /// String id of the name that the program gave it; 0 for none.
        name: u32,
        /// This process's rank in it; -1 when not told (before NCCL 2.27).
        rank: i32,
        /// Ranks in it; 0 when not told (before NCCL 2.27).
        ranks: i32,
        /// Nodes that it spans; 0 when not told (before NCCL 2.27).
        nodes: i32,
        /// The version of NCCL's profiler interface that is spoken.
        version: u8,
    }
    /// NCCL handed a collective, a send or a receive to the GPU, or captured it into a CUDA graph.
    19 NcclCall {
        /// When it was handed over.
        time: MonotonicNs,
        /// The thread that did.
        tid: u32,
        /// The communicator, by [`Record::NcclCommunicator`].
        communicator: u32,
        /// String id of NCCL's name for the operation, such as `AllReduce`.
        op: u32,
        /// String id of NCCL's name for the element type that `count` counts, such as `ncclFloat32`.
        dtype: u32,
        /// String id of the element type that the program passed, where that is known to differ; else 0.
        user_dtype: u32,
        /// Elements.
        count: u64,
        /// NCCL's number for it among the calls of this operation on this communicator; `None` for sends and receives.
        sequence: Option<u64>,
        /// The other rank of a send or receive, the root of a rooted collective.
        peer: i32,
        /// The launch that it was part of, as in [`Record::ExternalCorrelation`]; 0 when not known.
        plan: u64,
        /// The correlation id of the launch that it was part of; 0 when not known.
        correlation: u32,
        /// Whether a kernel record belongs to it: CUPTI was told of the launch.
        kernel: bool,
        /// Whether it was captured into a CUDA graph, and not run.
        captured: bool,
    }
    /// CUDA calls with this correlation id were made within the plan `id` of [`Record::NcclCall`].
    20 ExternalCorrelation {
        /// As in the GPU records.
        correlation: u32,
        /// The plan.
        id: u64,
    }
    /// Memory was allocated or freed through the CUDA driver.
    21 Memory {
        /// When.
        time: MonotonicNs,
        /// The device.
        device: u32,
        /// The CUDA context.
        context: u32,
        /// The stream of an asynchronous allocation; [`NO_STREAM`](crate::NO_STREAM) for none.
        stream: u32,
        /// Joins it with the call that asked for it.
        correlation: u32,
        /// Where the block is.
        address: u64,
        /// Its size, in bytes.
        bytes: u64,
        /// Whether it was freed, not allocated.
        freed: bool,
        /// `CUpti_ActivityMemoryKind`.
        kind: u8,
        /// The memory pool that it came from or went back to; 0 for none.
        pool: u64,
    }
    /// A memory pool of CUDA was created, trimmed or destroyed.
    22 MemoryPool {
        /// When.
        time: MonotonicNs,
        /// The device.
        device: u32,
        /// Joins it with the call that asked for it.
        correlation: u32,
        /// The pool.
        address: u64,
        /// `CUpti_ActivityMemoryPoolOperationType`: 1 created, 2 destroyed, 3 trimmed.
        operation: u8,
        /// Bytes that it holds.
        size: u64,
        /// Bytes of those that are handed out; 0 when not told.
        used: u64,
    }
    /// The host, or a stream, waited for the GPU.
    23 Synchronization {
        /// When the wait began.
        start: MonotonicNs,
        /// When it was over.
        end: MonotonicNs,
        /// `CUpti_ActivitySynchronizationType`: 1 event, 2 stream waits for event, 3 stream, 4 context.
        kind: u8,
        /// The CUDA context.
        context: u32,
        /// The stream; [`NO_STREAM`](crate::NO_STREAM) for none.
        stream: u32,
        /// A number for the event, its own in its process while it exists; 0 for none.
        event: u32,
        /// Joins it with the call that waited.
        correlation: u32,
        /// The correlation id of the call that recorded the event waited for; 0 when not told.
        recorded_by: u32,
        /// The stream that the event waited for was recorded on; [`NO_STREAM`](crate::NO_STREAM) when not told.
        recorded_on: u32,
    }
    /// Time that CUPTI or the driver spent on itself, recording included.
    24 Overhead {
        /// When it began.
        start: MonotonicNs,
        /// When it was over.
        end: MonotonicNs,
        /// `CUpti_ActivityOverheadKind`.
        kind: u32,
        /// The thread that it held up; 0 when not told.
        tid: u32,
        /// The call that it happened in; 0 when not told.
        correlation: u32,
    }
    /// A CUDA graph ran, recorded as a whole.
    25 GraphLaunch {
        /// When its first node started.
        start: MonotonicNs,
        /// When its last node ended.
        end: MonotonicNs,
        /// The device.
        device: u32,
        /// The CUDA context.
        context: u32,
        /// The stream it was launched in.
        stream: u32,
        /// Joins it with the call that launched it.
        correlation: u32,
        /// The CUDA graph.
        graph: u32,
    }
    /// A CUDA context.
    26 Context {
        /// CUPTI's number for it.
        context: u32,
        /// Its device.
        device: u32,
        /// CUPTI's number for its default stream.
        null_stream: u32,
    }
    /// A CUDA stream.
    27 Stream {
        /// Its context.
        context: u32,
        /// CUPTI's number for it.
        stream: u32,
        /// Its priority; lower numbers go first.
        priority: i32,
        /// `CUpti_ActivityStreamFlag`: 1 default, 2 non-blocking, 3 null.
        flag: u32,
    }
    /// Recording is limited to a range of the program.
    28 Capture {
        /// When.
        time: MonotonicNs,
        /// String id of what was asked for.
        name: u32,
        /// 0 it is waited for, 1 it has begun, 2 it has ended.
        state: u8,
    }
    /// When a call of NCCL ran on the GPU, by NCCL's own timers: only where CUPTI was not ours.
    29 NcclTimes {
        /// As in [`Record::NcclCall`]: the call's own.
        plan: u64,
        /// Start on the GPU, as near as the host's clock is known there.
        start: MonotonicNs,
        /// End on the GPU.
        end: MonotonicNs,
    }
}

impl Record<'_> {
    /// Whether it tells something that happened in the program, and not something that helps to read the rest. A gap stands
    /// before the event after it, and texts are as long as events.
    pub(crate) fn is_event(&self) -> bool {
        !matches!(
            self,
            Self::ThreadName { .. }
                | Self::Domain { .. }
                | Self::Category { .. }
                | Self::Device { .. }
                | Self::Anchor { .. }
                | Self::Note { .. }
                | Self::NcclCommunicator { .. }
                | Self::Capture { .. }
        )
    }
}

/// What stands for "no stream" in a record.
pub const NO_STREAM: u32 = u32::MAX;
