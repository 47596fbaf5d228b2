//! The records of what is not an operation of the GPU: prefixes, as in [`sys`](super::sys), of which the later fields are
//! read only from a CUPTI that has them.

use std::mem::offset_of;

/// `CUPTI_API_VERSION` of CUDA 12.3, where records of overhead got a correlation id.
pub(super) const CUDA_12_3: u32 = 21;

/// `CUpti_ActivityAPI`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct ApiCall {
    pub(super) kind: u32,
    pub(super) function: u32,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) pid: u32,
    pub(super) tid: u32,
    pub(super) correlation: u32,
    pub(super) result: i32,
}

/// `CUpti_ActivitySynchronization`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct Synchronization {
    pub(super) kind: u32,
    pub(super) of: u32,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) correlation: u32,
    pub(super) context: u32,
    pub(super) stream: u32,
    pub(super) event: u32,
}

/// `CUpti_ActivityOverhead2` and later, without what CUDA 12.3 appended.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct Overhead {
    pub(super) kind: u32,
    pub(super) of: u32,
    /// `CUpti_ActivityObjectKind`.
    pub(super) object_kind: u32,
    /// Process and thread, where the object is one of these.
    pub(super) object: [u32; 3],
    pub(super) start: u64,
    pub(super) end: u64,
}

/// `CUpti_ActivityOverhead2` from CUDA 12.3 on.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct CorrelatedOverhead {
    pub(super) overhead: Overhead,
    pub(super) correlation: u32,
}

/// `CUpti_ActivityMemory3` and later.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct Memory {
    pub(super) kind: u32,
    /// `CUpti_ActivityMemoryOperationType`: 1 allocation, 2 release.
    pub(super) operation: u32,
    /// `CUpti_ActivityMemoryKind`.
    pub(super) of: u32,
    pub(super) correlation: u32,
    pub(super) address: u64,
    pub(super) bytes: u64,
    pub(super) time: u64,
    pub(super) program_counter: u64,
    pub(super) pid: u32,
    pub(super) device: u32,
    pub(super) context: u32,
    pub(super) stream: u32,
    pub(super) name: u64,
    pub(super) is_async: u32,
    pub(super) pad: u32,
    pub(super) pool_kind: u32,
    pub(super) pool_pad: u32,
    pub(super) pool: u64,
}

/// `CUpti_ActivityMemoryPool2` and later.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct MemoryPool {
    pub(super) kind: u32,
    pub(super) operation: u32,
    /// 1 of this process, 2 imported.
    pub(super) pool_kind: u32,
    pub(super) correlation: u32,
    pub(super) pid: u32,
    pub(super) device: u32,
    pub(super) min_bytes_to_keep: u64,
    pub(super) address: u64,
    pub(super) size: u64,
    pub(super) release_threshold: u64,
    pub(super) time: u64,
    pub(super) used: u64,
}

/// `CUpti_ActivityGraphTrace` and later.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct GraphTrace {
    pub(super) kind: u32,
    pub(super) correlation: u32,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) device: u32,
    pub(super) graph: u32,
    pub(super) context: u32,
    pub(super) stream: u32,
}

/// `CUpti_ActivityContext` and later.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct Context {
    pub(super) kind: u32,
    pub(super) number: u32,
    pub(super) device: u32,
    pub(super) api: u16,
    pub(super) null_stream: u16,
}

/// `CUpti_ActivityStream`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct Stream {
    pub(super) kind: u32,
    pub(super) context: u32,
    pub(super) number: u32,
    pub(super) priority: u32,
    pub(super) flag: u32,
    pub(super) correlation: u32,
}

const _: () = {
    assert!(offset_of!(ApiCall, start) == 8);
    assert!(offset_of!(ApiCall, tid) == 28);
    assert!(offset_of!(ApiCall, correlation) == 32);
    assert!(offset_of!(ApiCall, result) == 36);
    assert!(offset_of!(Synchronization, start) == 8);
    assert!(offset_of!(Synchronization, correlation) == 24);
    assert!(offset_of!(Synchronization, stream) == 32);
    assert!(offset_of!(Synchronization, event) == 36);
    assert!(offset_of!(Overhead, object) == 12);
    assert!(offset_of!(Overhead, start) == 24);
    assert!(offset_of!(CorrelatedOverhead, correlation) == 40);
    assert!(offset_of!(Memory, of) == 8);
    assert!(offset_of!(Memory, address) == 16);
    assert!(offset_of!(Memory, time) == 32);
    assert!(offset_of!(Memory, device) == 52);
    assert!(offset_of!(Memory, name) == 64);
    assert!(offset_of!(Memory, is_async) == 72);
    assert!(offset_of!(Memory, pool_kind) == 80);
    assert!(offset_of!(Memory, pool) == 88);
    assert!(offset_of!(MemoryPool, device) == 20);
    assert!(offset_of!(MemoryPool, address) == 32);
    assert!(offset_of!(MemoryPool, size) == 40);
    assert!(offset_of!(MemoryPool, time) == 56);
    assert!(offset_of!(MemoryPool, used) == 64);
    assert!(offset_of!(GraphTrace, start) == 8);
    assert!(offset_of!(GraphTrace, graph) == 28);
    assert!(offset_of!(GraphTrace, stream) == 36);
    assert!(offset_of!(Context, null_stream) == 14);
    assert!(offset_of!(Stream, flag) == 16);
};
