//! A profiler plugin of somebody else's, versions 4 and 5: it asks for collectives and proxy operations, and appends what it
//! is told to the file that `FAKE_NCCL_LOG` names. Its handles are small numbers, which it recognises.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::descriptor::{COLL, PROXY_OP};

static NEXT: AtomicUsize = AtomicUsize::new(1);

#[repr(C)]
struct Table {
    name: *const c_char,
    init: *const c_void,
    start: unsafe extern "C" fn(*mut c_void, *mut *mut c_void, *const u8) -> c_int,
    stop: unsafe extern "C" fn(*mut c_void) -> c_int,
    state: unsafe extern "C" fn(*mut c_void, c_int, *mut c_void) -> c_int,
    finalize: unsafe extern "C" fn(*mut c_void) -> c_int,
}

// SAFETY: the table is never written to.
unsafe impl Sync for Table {}

#[unsafe(no_mangle)]
#[used]
static ncclProfiler_v4: Table = Table {
    name: c"logging".as_ptr(),
    init: init_v4 as *const c_void,
    start: start_v4,
    stop,
    state,
    finalize,
};

#[unsafe(no_mangle)]
#[used]
static ncclProfiler_v5: Table = Table {
    name: c"logging".as_ptr(),
    init: init_v5 as *const c_void,
    start: start_v5,
    stop,
    state,
    finalize,
};

fn log(line: &str) {
    let Some(path) = std::env::var_os("FAKE_NCCL_LOG") else { return };
    let Ok(mut file) = OpenOptions::new().append(true).create(true).open(path) else { return };
    let _ = writeln!(file, "{line}");
}

fn next() -> *mut c_void {
    ptr::without_provenance_mut(NEXT.fetch_add(1, Ordering::Relaxed))
}

unsafe fn init(context: *mut *mut c_void, mask: *mut c_int, text: &str) -> c_int {
    // SAFETY: the host passes valid places.
    unsafe {
        *context = next();
        *mask = (COLL | PROXY_OP) as c_int;
        log(&format!("init {} {text}", (*context).addr()));
    }
    0
}

unsafe extern "C" fn init_v4(
    context: *mut *mut c_void,
    mask: *mut c_int,
    name: *const c_char,
    hash: u64,
    nodes: c_int,
    ranks: c_int,
    rank: c_int,
    _log: *const c_void,
) -> c_int {
    // SAFETY: the host passes valid places and a text.
    unsafe {
        let name = CStr::from_ptr(name).to_string_lossy();
        init(context, mask, &format!("v4 {name} {hash:x} {nodes} {ranks} {rank}"))
    }
}

unsafe extern "C" fn init_v5(
    context: *mut *mut c_void,
    hash: u64,
    mask: *mut c_int,
    name: *const c_char,
    nodes: c_int,
    ranks: c_int,
    rank: c_int,
    _log: *const c_void,
) -> c_int {
    // SAFETY: as above.
    unsafe {
        let name = CStr::from_ptr(name).to_string_lossy();
        init(context, mask, &format!("v5 {name} {hash:x} {nodes} {ranks} {rank}"))
    }
}

unsafe fn start(
    context: *mut c_void,
    handle: *mut *mut c_void,
    kind: u64,
    descriptor: *const u8,
) -> c_int {
    let own = next();
    // SAFETY: every descriptor has its parent at 8, and a collective its count at 56.
    unsafe {
        let parent: u64 = descriptor.add(8).cast::<u64>().read_unaligned();
        let count: u64 =
            if kind == COLL { descriptor.add(56).cast::<u64>().read_unaligned() } else { 0 };
        log(&format!(
            "start {} in {} kind {kind} parent {parent} count {count}",
            own.addr(),
            context.addr()
        ));
        *handle = own;
    }
    0
}

unsafe extern "C" fn start_v4(
    context: *mut c_void,
    handle: *mut *mut c_void,
    descriptor: *const u8,
) -> c_int {
    // SAFETY: up to version 4 the kind is one byte.
    unsafe { start(context, handle, u64::from(*descriptor), descriptor) }
}

unsafe extern "C" fn start_v5(
    context: *mut c_void,
    handle: *mut *mut c_void,
    descriptor: *const u8,
) -> c_int {
    // SAFETY: from version 5 on the kind is eight bytes.
    unsafe { start(context, handle, descriptor.cast::<u64>().read_unaligned(), descriptor) }
}

unsafe extern "C" fn stop(handle: *mut c_void) -> c_int {
    log(&format!("stop {}", handle.addr()));
    0
}

unsafe extern "C" fn state(handle: *mut c_void, state: c_int, _arguments: *mut c_void) -> c_int {
    log(&format!("state {} is {state}", handle.addr()));
    0
}

unsafe extern "C" fn finalize(context: *mut c_void) -> c_int {
    log(&format!("finalize {}", context.addr()));
    0
}
