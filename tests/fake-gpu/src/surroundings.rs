//! What a CUDA program does around its kernels: contexts, streams, allocations, waits, calls of the API.

use std::collections::HashSet;
use std::ffi::{CStr, c_char, c_int};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::cupti::now;
use crate::launch::Bytes;
use crate::version::Version;

const NOT_SUPPORTED: c_int = 27;
const DRIVER: c_int = 1;
const RUNTIME: c_int = 2;
/// Some functions, by domain and number, as CUPTI names them.
const FUNCTIONS: [(c_int, u32, &CStr); 6] = [
    (RUNTIME, 17, c"cudaGetDevice_v3020"),
    (RUNTIME, 131, c"cudaStreamSynchronize_v3020"),
    (RUNTIME, 211, c"cudaLaunchKernel_v7000"),
    (DRIVER, 243, c"cuMemAlloc_v2"),
    (DRIVER, 304, c"cuCtxGetCurrent"),
    (DRIVER, 307, c"cuLaunchKernel"),
];

static SYSTEM_THREADS: AtomicBool = AtomicBool::new(false);
static MUTED: Mutex<Option<HashSet<(c_int, u32)>>> = Mutex::new(None);

/// Numbers threads as the kernel does (1), or as pthreads does.
#[unsafe(no_mangle)]
pub extern "C" fn cuptiSetThreadIdType(of: c_int) -> c_int {
    SYSTEM_THREADS.store(of == 1, Ordering::Relaxed);
    0
}

/// The name of a function.
///
/// # Safety
/// `name` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuptiGetCallbackName(
    domain: c_int,
    function: u32,
    name: *mut *const c_char,
) -> c_int {
    let known = FUNCTIONS.iter().find(|(of, number, _)| (*of, *number) == (domain, function));
    let Some((_, _, known)) = known else { return 1 };
    // SAFETY: the caller's promise.
    unsafe { *name = known.as_ptr() };
    0
}

/// Turns records of a function of the runtime on or off, from CUDA 12.5 on.
#[unsafe(no_mangle)]
pub extern "C" fn cuptiActivityEnableRuntimeApi(function: u32, enable: u8) -> c_int {
    mute(RUNTIME, function, enable)
}

/// Turns records of a function of the driver on or off, from CUDA 12.5 on.
#[unsafe(no_mangle)]
pub extern "C" fn cuptiActivityEnableDriverApi(function: u32, enable: u8) -> c_int {
    mute(DRIVER, function, enable)
}

fn mute(domain: c_int, function: u32, enable: u8) -> c_int {
    if Version::played() < Version::Cuda12_9 {
        return NOT_SUPPORTED;
    }
    let mut muted = MUTED.lock().unwrap_or_else(PoisonError::into_inner);
    let muted = muted.get_or_insert_default();
    if enable == 0 {
        muted.insert((domain, function))
    } else {
        muted.remove(&(domain, function))
    };
    0
}

/// How many functions are muted.
#[unsafe(no_mangle)]
pub extern "C" fn fake_gpu_muted() -> usize {
    let muted = MUTED.lock().unwrap_or_else(PoisonError::into_inner);
    muted.as_ref().map_or(0, HashSet::len)
}

fn call(domain: c_int, function: u32, correlation: u32, start: u64, length: u64) {
    let muted = MUTED.lock().unwrap_or_else(PoisonError::into_inner);
    if muted.as_ref().is_some_and(|muted| muted.contains(&(domain, function))) {
        return;
    }
    drop(muted);
    let mut record = Bytes::new(if domain == RUNTIME { 5 } else { 4 });
    record.u32(4, function).u64(8, start).u64(16, start + length).u32(24, std::process::id());
    record.u32(28, thread()).u32(32, correlation).u32(36, 0);
    record.emit();
}

fn thread() -> u32 {
    if SYSTEM_THREADS.load(Ordering::Relaxed) {
        // SAFETY: a plain system call.
        (unsafe { libc::gettid() }) as u32
    } else {
        0xdead_beef
    }
}

/// One of each: a context, two streams, three changes of memory, a pool, a wait, overhead, the launch of a graph, and five
/// calls, of which one is made within another and two are chatty. Correlation ids are from 900 on.
#[unsafe(no_mangle)]
pub extern "C" fn fake_gpu_surroundings() {
    let start = now();
    // The stream is told of before its context, as happens when buffers are a thread's own.
    let mut stream = Bytes::new(37);
    stream.u32(4, 1).u32(8, 13).u32(12, (-5_i32).cast_unsigned()).u32(16, 2).emit();
    Bytes::new(9).u32(4, 1).u32(8, 0).put(12, [1, 0, 7, 0]).emit();
    Bytes::new(37).u32(4, 1).u32(8, 7).u32(16, 3).emit();

    call(DRIVER, 243, 901, start, 1000);
    memory(1, 901, 0x7f00_0000_0000, 1 << 20, start, None);
    memory(1, 902, 0x7f00_1000_0000, 4096, start + 1, Some(13));
    memory(2, 903, 0x7f00_0000_0000, 1 << 20, start + 2, None);
    let mut pool = Bytes::new(50);
    pool.u32(4, 1).u32(8, 1).u32(12, 904).u32(20, 0).u64(32, 0xb001).u64(40, 2 << 20);
    pool.u64(56, start + 3).u64(64, 4096).emit();

    call(DRIVER, 307, 905, start + 110, 80);
    call(RUNTIME, 211, 905, start + 100, 100);
    call(RUNTIME, 17, 906, start + 200, 1);
    call(DRIVER, 304, 907, start + 201, 1);
    let mut graph = Bytes::new(51);
    graph.u32(4, 905).u64(8, start + 300).u64(16, start + 5300).u32(24, 0).u32(28, 77);
    graph.u32(32, 1).u32(36, 13).emit();

    call(RUNTIME, 131, 908, start + 300, 5000);
    let mut wait = Bytes::new(38);
    wait.u32(4, 3).u64(8, start + 310).u64(16, start + 5300).u32(24, 908).u32(28, 1).u32(32, 13);
    wait.emit();
    let mut overhead = Bytes::new(17);
    overhead.u32(4, 0x10000).u32(8, 2).u32(12, std::process::id()).u32(16, thread());
    overhead.u64(24, start + 400).u64(32, start + 450).u32(40, 908).emit();
}

fn memory(of: u32, correlation: u32, address: u64, bytes: u64, time: u64, stream: Option<u32>) {
    let mut record = Bytes::new(49);
    record.u32(4, of).u32(8, 3).u32(12, correlation).u64(16, address).u64(24, bytes).u64(32, time);
    record.u32(48, std::process::id()).u32(52, 0).u32(56, 1).u32(60, stream.unwrap_or(u32::MAX));
    if stream.is_some() {
        record.u32(72, 1).u32(80, 1).u64(88, 0xb001);
    }
    record.emit();
}
