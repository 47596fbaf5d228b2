//! The binary interface of CUPTI, as far as it is used. Record structures are prefixes: what CUDA 11.6 and later append
//! to them is not needed, and CUPTI itself steps from record to record.

use std::ffi::{c_char, c_int, c_void};
use std::mem::offset_of;

/// `CUptiResult`.
pub(super) type Status = c_int;

pub(super) const SUCCESS: Status = 0;
pub(super) const NOT_SUPPORTED: Status = 27;
pub(super) const MULTIPLE_SUBSCRIBERS: Status = 39;
/// The name of a status that users meet, and what can be done about it.
pub(super) fn remedy(status: Status) -> &'static str {
    match status {
        8 => "out of memory",
        27 => "not supported on this machine",
        14 => "another tool in this process uses the other generation of the CUPTI API",
        15 => "CUPTI is not initialised; is this the libcupti of the process's own CUDA version?",
        26 => "the hardware is in use by another profiler",
        35 => {
            "not permitted; an administrator can set the driver option NVreg_RestrictProfilingToAdminUsers=0"
        }
        33 | 40 => "not available in this virtual machine",
        MULTIPLE_SUBSCRIBERS => {
            "another profiler (Nsight Systems, torch.profiler, compute-sanitizer) already holds it"
        }
        41 => "not available with confidential computing",
        999 => "unknown to CUPTI; is the NVIDIA driver installed and new enough?",
        _ => "see the CUPTI documentation",
    }
}

/// A buffer has no more records.
pub(super) const MAX_LIMIT_REACHED: Status = 12;

/// Activity kinds.
pub(super) const KIND_MEMCPY: u32 = 1;
pub(super) const KIND_MEMSET: u32 = 2;
pub(super) const KIND_CONCURRENT_KERNEL: u32 = 10;
pub(super) const KIND_MEMCPY2: u32 = 22;
pub(super) const KIND_EXTERNAL_CORRELATION: u32 = 39;

/// `CUPTI_EXTERNAL_CORRELATION_KIND_CUSTOM2`: torch.profiler uses 0 and 1.
pub(super) const EXTERNAL_KIND: u32 = 5;

/// Of `CUpti_CallbackDomain`: `CUPTI_CB_DOMAIN_DRIVER_API`, and the calls in it that launch a kernel: `cuLaunchKernel`, `cuLaunchKernelEx`, and both
/// for per-thread default streams.
pub(super) const DRIVER_API: c_int = 1;
/// `CUPTI_CB_DOMAIN_RUNTIME_API`.
pub(super) const RUNTIME_API: c_int = 2;
pub(super) const LAUNCHES: [u32; 4] = [307, 652, 442, 653];
/// `CUPTI_API_ENTER`.
pub(super) const ENTER: u32 = 0;

/// `CUPTI_ACTIVITY_ATTR_ZEROED_OUT_ACTIVITY_BUFFER`: our buffers are zero already.
pub(super) const ATTRIBUTE_ZEROED_BUFFERS: u32 = 5;
/// `CUPTI_ACTIVITY_FLAG_FLUSH_FORCED`.
pub(super) const FLUSH_FORCED: u32 = 1;

pub(super) type RequestBuffer = extern "C" fn(*mut *mut u8, *mut usize, *mut usize);
pub(super) type BufferCompleted = extern "C" fn(*mut c_void, u32, *mut u8, usize, usize);
pub(super) type Timestamp = extern "C" fn() -> u64;
pub(super) type ApiCallback = extern "C" fn(*mut c_void, c_int, u32, *const c_void);

/// The functions in use; each is looked up by its name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Api {
    pub(super) get_version: unsafe extern "C" fn(*mut u32) -> Status,
    pub(super) subscribe:
        unsafe extern "C" fn(*mut *mut c_void, ApiCallback, *mut c_void) -> Status,
    pub(super) register_callbacks: unsafe extern "C" fn(RequestBuffer, BufferCompleted) -> Status,
    pub(super) enable: unsafe extern "C" fn(u32) -> Status,
    pub(super) disable: unsafe extern "C" fn(u32) -> Status,
    pub(super) flush_all: unsafe extern "C" fn(u32) -> Status,
    pub(super) next_record: unsafe extern "C" fn(*mut u8, usize, *mut *mut u8) -> Status,
    pub(super) dropped_records: unsafe extern "C" fn(*mut c_void, u32, *mut usize) -> Status,
    pub(super) set_attribute: unsafe extern "C" fn(u32, *mut usize, *mut c_void) -> Status,
    /// CUDA 13.0 and later.
    pub(super) subscribe_named: Option<super::shared::Subscribe>,
    pub(super) enable_callback:
        Option<unsafe extern "C" fn(u32, *mut c_void, c_int, u32) -> Status>,
    pub(super) callback_name:
        Option<unsafe extern "C" fn(c_int, u32, *mut *const c_char) -> Status>,
    pub(super) stream_number:
        Option<unsafe extern "C" fn(*mut c_void, *mut c_void, u8, *mut u32) -> Status>,
    pub(super) set_thread_ids: Option<unsafe extern "C" fn(c_int) -> Status>,
    /// CUDA 12.5 and later, as the next one.
    pub(super) enable_runtime_call: Option<unsafe extern "C" fn(u32, u8) -> Status>,
    pub(super) enable_driver_call: Option<unsafe extern "C" fn(u32, u8) -> Status>,
    pub(super) push_external: Option<unsafe extern "C" fn(u32, u64) -> Status>,
    pub(super) pop_external: Option<unsafe extern "C" fn(u32, *mut u64) -> Status>,
    /// CUDA 11.6 and later.
    pub(super) register_timestamp: Option<unsafe extern "C" fn(Timestamp) -> Status>,
}

/// `CUpti_ActivityKernel4` and later.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct Kernel {
    pub(super) kind: u32,
    pub(super) cache: [u8; 2],
    pub(super) registers: u16,
    pub(super) partitioned: [u32; 2],
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) completed: u64,
    pub(super) device: u32,
    pub(super) context: u32,
    pub(super) stream: u32,
    pub(super) grid: [u32; 3],
    pub(super) block: [u32; 3],
    pub(super) static_smem: u32,
    pub(super) dynamic_smem: u32,
    pub(super) local: [u32; 2],
    pub(super) correlation: u32,
    pub(super) grid_id: u64,
    pub(super) name: *const c_char,
    pub(super) reserved: u64,
    pub(super) queued: u64,
    pub(super) submitted: u64,
    pub(super) launch: [u8; 4],
    pub(super) smem_executed: u32,
    pub(super) graph_node: u64,
    pub(super) smem_limit: u32,
    pub(super) graph: u32,
}

/// `CUpti_ActivityMemcpy4` and later.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct Memcpy {
    pub(super) kind: u32,
    pub(super) copy_kind: u8,
    pub(super) src_kind: u8,
    pub(super) dst_kind: u8,
    pub(super) flags: u8,
    pub(super) bytes: u64,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) device: u32,
    pub(super) context: u32,
    pub(super) stream: u32,
    pub(super) correlation: u32,
    pub(super) runtime_correlation: u32,
    pub(super) pad: u32,
    pub(super) reserved: u64,
    pub(super) graph_node: u64,
    pub(super) graph: u32,
}

/// `CUpti_ActivityMemcpyPtoP3` and later: a copy between two GPUs.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct PeerMemcpy {
    pub(super) kind: u32,
    pub(super) copy_kind: u8,
    pub(super) src_kind: u8,
    pub(super) dst_kind: u8,
    pub(super) flags: u8,
    pub(super) bytes: u64,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) device: u32,
    pub(super) context: u32,
    pub(super) stream: u32,
    pub(super) src_device: u32,
    pub(super) src_context: u32,
    pub(super) dst_device: u32,
    pub(super) dst_context: u32,
    pub(super) correlation: u32,
    pub(super) reserved: u64,
    pub(super) graph_node: u64,
    pub(super) graph: u32,
}

/// `CUpti_ActivityExternalCorrelation`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct ExternalCorrelation {
    pub(super) kind: u32,
    pub(super) external_kind: u32,
    pub(super) id: u64,
    pub(super) correlation: u32,
}

/// `CUpti_CallbackData`: what a callback is told of a call.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct CallbackData {
    pub(super) site: u32,
    pub(super) function: *const c_char,
    pub(super) parameters: *const c_void,
    pub(super) result: *mut c_void,
    /// The kernel's name as the compiler wrote it.
    pub(super) symbol: *const c_char,
    pub(super) context: *mut c_void,
    pub(super) context_uid: u32,
    pub(super) correlation_data: *mut u64,
    pub(super) correlation: u32,
}

/// `CUpti_ActivityMemset3` and later.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct Memset {
    pub(super) kind: u32,
    pub(super) value: u32,
    pub(super) bytes: u64,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) device: u32,
    pub(super) context: u32,
    pub(super) stream: u32,
    pub(super) correlation: u32,
    pub(super) flags: u16,
    pub(super) memory_kind: u16,
    pub(super) pad: u32,
    pub(super) reserved: u64,
    pub(super) graph_node: u64,
    pub(super) graph: u32,
}

const _: () = {
    assert!(offset_of!(Kernel, registers) == 6);
    assert!(offset_of!(Kernel, start) == 16);
    assert!(offset_of!(Kernel, device) == 40);
    assert!(offset_of!(Kernel, grid) == 52);
    assert!(offset_of!(Kernel, block) == 64);
    assert!(offset_of!(Kernel, static_smem) == 76);
    assert!(offset_of!(Kernel, correlation) == 92);
    assert!(offset_of!(Kernel, name) == 104);
    assert!(offset_of!(Kernel, launch) == 136);
    assert!(offset_of!(Kernel, smem_executed) == 140);
    assert!(offset_of!(Kernel, graph_node) == 144);
    assert!(offset_of!(Kernel, graph) == 156);
    assert!(offset_of!(Memcpy, bytes) == 8);
    assert!(offset_of!(Memcpy, start) == 16);
    assert!(offset_of!(Memcpy, device) == 32);
    assert!(offset_of!(Memcpy, correlation) == 44);
    assert!(offset_of!(Memcpy, graph_node) == 64);
    assert!(offset_of!(Memcpy, graph) == 72);
    assert!(offset_of!(PeerMemcpy, src_device) == 44);
    assert!(offset_of!(PeerMemcpy, dst_device) == 52);
    assert!(offset_of!(PeerMemcpy, correlation) == 60);
    assert!(offset_of!(PeerMemcpy, graph_node) == 72);
    assert!(offset_of!(PeerMemcpy, graph) == 80);
    assert!(offset_of!(ExternalCorrelation, id) == 8);
    assert!(offset_of!(ExternalCorrelation, correlation) == 16);
    assert!(offset_of!(CallbackData, parameters) == 16);
    assert!(offset_of!(CallbackData, result) == 24);
    assert!(offset_of!(CallbackData, symbol) == 32);
    assert!(offset_of!(CallbackData, context_uid) == 48);
    assert!(offset_of!(CallbackData, correlation_data) == 56);
    assert!(offset_of!(CallbackData, correlation) == 64);
    assert!(offset_of!(Memset, bytes) == 8);
    assert!(offset_of!(Memset, start) == 16);
    assert!(offset_of!(Memset, device) == 32);
    assert!(offset_of!(Memset, correlation) == 44);
    assert!(offset_of!(Memset, memory_kind) == 50);
    assert!(offset_of!(Memset, graph_node) == 64);
    assert!(offset_of!(Memset, graph) == 72);
};
