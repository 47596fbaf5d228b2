//! The binary interface of NCCL's profiler plugins, versions 1 to 6, written from its documented structures.
//!
//! NCCL looks for the data symbols `ncclProfiler_v7`, `_v6`, … down to `_v1` and speaks the first version that it finds
//! and knows. Version 7 is not offered: it inserts fields into structures, and NCCL 2.31 falls back to 6.
//!
//! A descriptor is the kind of the event (8 bits up to version 4, 64 from 5 on), its parent, a rank, and from byte 24 on
//! a part that depends on the kind and on the version.

use std::ffi::{c_char, c_int, c_void};
use std::mem::offset_of;

/// What NCCL's functions answer.
pub(super) const SUCCESS: c_int = 0;

pub(super) type Log = *const c_void;
/// Versions 1 to 3.
pub(super) type InitPlain = unsafe extern "C" fn(*mut *mut c_void, *mut c_int) -> c_int;
/// Version 4: name, hash, nodes, ranks, rank.
pub(super) type InitNamed = unsafe extern "C" fn(
    *mut *mut c_void,
    *mut c_int,
    *const c_char,
    u64,
    c_int,
    c_int,
    c_int,
    Log,
) -> c_int;
/// Versions 5 and 6: the hash comes second.
pub(super) type InitNumbered = unsafe extern "C" fn(
    *mut *mut c_void,
    u64,
    *mut c_int,
    *const c_char,
    c_int,
    c_int,
    c_int,
    Log,
) -> c_int;
pub(super) type Start = unsafe extern "C" fn(*mut c_void, *mut *mut c_void, *mut u8) -> c_int;
pub(super) type Stop = unsafe extern "C" fn(*mut c_void) -> c_int;
pub(super) type State = unsafe extern "C" fn(*mut c_void, c_int, *mut c_void) -> c_int;

/// The table that a plugin offers; `I` is its version's kind of `init`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct Table<I> {
    pub(super) name: *const c_char,
    pub(super) init: I,
    pub(super) start: Start,
    pub(super) stop: Stop,
    pub(super) state: State,
    pub(super) finalize: Stop,
}

/// `ncclProfilerKernelChStop`, whose argument is the GPU's timer.
pub(super) const CHANNEL_STOPS: c_int = 22;
/// Where the description of a channel has the GPU's timer, from version 4 on.
pub(super) const CHANNEL_TIMER_AT: usize = 32;

/// Kinds of events; each is a bit of the activation mask.
pub(super) mod kind {
    pub(crate) const GROUP: u64 = 1;
    pub(crate) const COLL: u64 = 1 << 1;
    pub(crate) const P2P: u64 = 1 << 2;
    pub(crate) const PROXY_OP: u64 = 1 << 3;
    pub(crate) const PROXY_STEP: u64 = 1 << 4;
    pub(crate) const KERNEL_CH: u64 = 1 << 6;
    pub(crate) const NET_PLUGIN: u64 = 1 << 7;
    pub(crate) const GROUP_API: u64 = 1 << 8;
    pub(crate) const COLL_API: u64 = 1 << 9;
    pub(crate) const P2P_API: u64 = 1 << 10;
    pub(crate) const KERNEL_LAUNCH: u64 = 1 << 11;
}

/// Where the parent stands in every version.
pub(super) const PARENT_AT: usize = 8;
/// Where the part begins that depends on the kind.
pub(super) const BODY_AT: usize = 24;
/// Where the legacy group of a collective and of a send or receive stands, from version 5 on.
pub(super) const COLL_GROUP_AT: usize = 104;
pub(super) const P2P_GROUP_AT: usize = 64;

/// A collective, version 1.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Coll1 {
    pub(super) name: *const c_char,
    pub(super) hash: u64,
    pub(super) sequence: u64,
    pub(super) func: u8,
    pub(super) send: *const c_void,
    pub(super) recv: *mut c_void,
    pub(super) count: usize,
    pub(super) root: c_int,
    pub(super) dtype: u8,
    pub(super) op: u32,
    pub(super) traffic_bytes: usize,
}

/// A collective, versions 2 and 3, as far as they are the same.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Coll2 {
    pub(super) name: *const c_char,
    pub(super) hash: u64,
    pub(super) sequence: u64,
    pub(super) func: *const c_char,
    pub(super) send: *const c_void,
    pub(super) recv: *mut c_void,
    pub(super) count: usize,
    pub(super) root: c_int,
    pub(super) dtype: *const c_char,
}

/// A collective, versions 4 to 6, as far as they are the same.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Coll4 {
    pub(super) sequence: u64,
    pub(super) func: *const c_char,
    pub(super) send: *const c_void,
    pub(super) recv: *mut c_void,
    pub(super) count: usize,
    pub(super) root: c_int,
    pub(super) dtype: *const c_char,
    pub(super) channels: u8,
    pub(super) warps: u8,
    pub(super) algo: *const c_char,
    pub(super) proto: *const c_char,
}

/// A send or receive, version 1.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct P2p1 {
    pub(super) name: *const c_char,
    pub(super) hash: u64,
    pub(super) func: u8,
    pub(super) buffer: *mut c_void,
    pub(super) dtype: u8,
    pub(super) count: usize,
    pub(super) peer: c_int,
}

/// A send or receive, versions 2 and 3.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct P2p2 {
    pub(super) name: *const c_char,
    pub(super) hash: u64,
    pub(super) func: *const c_char,
    pub(super) buffer: *mut c_void,
    pub(super) dtype: *const c_char,
    pub(super) count: usize,
    pub(super) peer: c_int,
}

/// A send or receive, versions 4 to 6, as far as they are the same.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct P2p4 {
    pub(super) func: *const c_char,
    pub(super) buffer: *mut c_void,
    pub(super) dtype: *const c_char,
    pub(super) count: usize,
    pub(super) peer: c_int,
    pub(super) channels: u8,
}

/// The program's call of a collective, versions 5 and 6.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct CollApi {
    pub(super) func: *const c_char,
    pub(super) count: usize,
    pub(super) dtype: *const c_char,
    pub(super) root: c_int,
    pub(super) stream: *mut c_void,
    /// A C `bool`, read as a byte: any value is valid then.
    pub(super) captured: u8,
}

/// The program's call of a send or receive, versions 5 and 6.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct P2pApi {
    pub(super) func: *const c_char,
    pub(super) count: usize,
    pub(super) dtype: *const c_char,
    pub(super) stream: *mut c_void,
    pub(super) captured: u8,
}

/// `ncclFunc_t` of NCCL 2.23, which speaks version 1, by number.
pub(super) const FUNCS_V1: [&str; 8] =
    ["Broadcast", "Reduce", "AllGather", "ReduceScatter", "AllReduce", "SendRecv", "Send", "Recv"];

/// NCCL's names for element types, `ncclDataType_t` by number.
pub(super) const DTYPES: [&str; 12] = [
    "ncclInt8",
    "ncclUint8",
    "ncclInt32",
    "ncclUint32",
    "ncclInt64",
    "ncclUint64",
    "ncclFloat16",
    "ncclFloat32",
    "ncclFloat64",
    "ncclBfloat16",
    "ncclFloat8e4m3",
    "ncclFloat8e5m2",
];

const _: () = {
    assert!(size_of::<Table<InitPlain>>() == 48);
    assert!(BODY_AT + offset_of!(Coll1, sequence) == 40);
    assert!(BODY_AT + offset_of!(Coll1, func) == 48);
    assert!(BODY_AT + offset_of!(Coll1, send) == 56);
    assert!(BODY_AT + offset_of!(Coll1, recv) == 64);
    assert!(BODY_AT + offset_of!(Coll1, count) == 72);
    assert!(BODY_AT + offset_of!(Coll1, root) == 80);
    assert!(BODY_AT + offset_of!(Coll1, dtype) == 84);
    assert!(BODY_AT + offset_of!(Coll1, op) == 88);
    assert!(BODY_AT + offset_of!(Coll1, traffic_bytes) == 96);
    assert!(BODY_AT + offset_of!(Coll2, name) == 24);
    assert!(BODY_AT + offset_of!(Coll2, hash) == 32);
    assert!(BODY_AT + offset_of!(Coll2, sequence) == 40);
    assert!(BODY_AT + offset_of!(Coll2, func) == 48);
    assert!(BODY_AT + offset_of!(Coll2, count) == 72);
    assert!(BODY_AT + offset_of!(Coll2, root) == 80);
    assert!(BODY_AT + offset_of!(Coll2, dtype) == 88);
    assert!(BODY_AT + offset_of!(Coll4, sequence) == 24);
    assert!(BODY_AT + offset_of!(Coll4, func) == 32);
    assert!(BODY_AT + offset_of!(Coll4, send) == 40);
    assert!(BODY_AT + offset_of!(Coll4, recv) == 48);
    assert!(BODY_AT + offset_of!(Coll4, count) == 56);
    assert!(BODY_AT + offset_of!(Coll4, root) == 64);
    assert!(BODY_AT + offset_of!(Coll4, dtype) == 72);
    assert!(BODY_AT + offset_of!(Coll4, channels) == 80);
    assert!(BODY_AT + offset_of!(Coll4, warps) == 81);
    assert!(BODY_AT + offset_of!(Coll4, algo) == 88);
    assert!(BODY_AT + offset_of!(Coll4, proto) == 96);
    assert!(BODY_AT + size_of::<Coll4>() == COLL_GROUP_AT);
    assert!(BODY_AT + offset_of!(P2p1, func) == 40);
    assert!(BODY_AT + offset_of!(P2p1, buffer) == 48);
    assert!(BODY_AT + offset_of!(P2p1, dtype) == 56);
    assert!(BODY_AT + offset_of!(P2p1, count) == 64);
    assert!(BODY_AT + offset_of!(P2p1, peer) == 72);
    assert!(BODY_AT + offset_of!(P2p2, func) == 40);
    assert!(BODY_AT + offset_of!(P2p2, buffer) == 48);
    assert!(BODY_AT + offset_of!(P2p2, dtype) == 56);
    assert!(BODY_AT + offset_of!(P2p2, count) == 64);
    assert!(BODY_AT + offset_of!(P2p2, peer) == 72);
    assert!(BODY_AT + offset_of!(P2p4, func) == 24);
    assert!(BODY_AT + offset_of!(P2p4, buffer) == 32);
    assert!(BODY_AT + offset_of!(P2p4, dtype) == 40);
    assert!(BODY_AT + offset_of!(P2p4, count) == 48);
    assert!(BODY_AT + offset_of!(P2p4, peer) == 56);
    assert!(BODY_AT + offset_of!(P2p4, channels) == 60);
    assert!(BODY_AT + size_of::<P2p4>() == P2P_GROUP_AT);
    assert!(BODY_AT + offset_of!(CollApi, func) == 24);
    assert!(BODY_AT + offset_of!(CollApi, count) == 32);
    assert!(BODY_AT + offset_of!(CollApi, dtype) == 40);
    assert!(BODY_AT + offset_of!(CollApi, root) == 48);
    assert!(BODY_AT + offset_of!(CollApi, stream) == 56);
    assert!(BODY_AT + offset_of!(CollApi, captured) == 64);
    assert!(BODY_AT + offset_of!(P2pApi, func) == 24);
    assert!(BODY_AT + offset_of!(P2pApi, count) == 32);
    assert!(BODY_AT + offset_of!(P2pApi, dtype) == 40);
    assert!(BODY_AT + offset_of!(P2pApi, stream) == 48);
    assert!(BODY_AT + offset_of!(P2pApi, captured) == 56);
};
