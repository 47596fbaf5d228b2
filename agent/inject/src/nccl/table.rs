//! The tables that NCCL looks for, and the doors that they lead to.
#![expect(unsafe_code, reason = "the doors that C code calls")]

use std::ffi::{c_char, c_int, c_void};
use std::ptr;

use super::callbacks;
use super::chain::Introduction;
use super::sys::{InitNamed, InitNumbered, InitPlain, Log, SUCCESS, Table};
use crate::door::door;

// SAFETY: a table is never written to, and its text is a constant.
unsafe impl<I> Sync for Table<I> {}

macro_rules! tables {
    ($($name:ident = $version:literal $init:ident: $type:ty;)+) => {$(
        /// What NCCL finds for this version.
        #[unsafe(no_mangle)]
        pub(crate) static $name: Table<$type> = Table {
            name: c"perfagent".as_ptr(),
            init: $init::<$version>,
            start: start::<$version>,
            stop,
            state,
            finalize,
        };
    )+};
}

tables! {
    ncclProfiler_v1 = 1 init_plain: InitPlain;
    ncclProfiler_v2 = 2 init_plain: InitPlain;
    ncclProfiler_v3 = 3 init_plain: InitPlain;
    ncclProfiler_v4 = 4 init_named: InitNamed;
    ncclProfiler_v5 = 5 init_numbered: InitNumbered;
    ncclProfiler_v6 = 6 init_numbered: InitNumbered;
}

unsafe extern "C" fn init_plain<const VERSION: u8>(
    context: *mut *mut c_void,
    mask: *mut c_int,
) -> c_int {
    let introduction =
        Introduction { name: ptr::null(), hash: 0, nodes: 0, ranks: 0, rank: -1, log: ptr::null() };
    // SAFETY: NCCL passes valid places.
    door(SUCCESS, || unsafe { callbacks::init(VERSION, context, mask, &introduction) })
}

unsafe extern "C" fn init_named<const VERSION: u8>(
    context: *mut *mut c_void,
    mask: *mut c_int,
    name: *const c_char,
    hash: u64,
    nodes: c_int,
    ranks: c_int,
    rank: c_int,
    log: Log,
) -> c_int {
    let introduction = Introduction { name, hash, nodes, ranks, rank, log };
    // SAFETY: NCCL passes valid places, and a name that is null or ends with 0.
    door(SUCCESS, || unsafe { callbacks::init(VERSION, context, mask, &introduction) })
}

unsafe extern "C" fn init_numbered<const VERSION: u8>(
    context: *mut *mut c_void,
    hash: u64,
    mask: *mut c_int,
    name: *const c_char,
    nodes: c_int,
    ranks: c_int,
    rank: c_int,
    log: Log,
) -> c_int {
    let introduction = Introduction { name, hash, nodes, ranks, rank, log };
    // SAFETY: as in `init_named`.
    door(SUCCESS, || unsafe { callbacks::init(VERSION, context, mask, &introduction) })
}

unsafe extern "C" fn start<const VERSION: u8>(
    context: *mut c_void,
    handle: *mut *mut c_void,
    descriptor: *mut u8,
) -> c_int {
    // SAFETY: NCCL passes a valid place and a descriptor of the version whose table it calls.
    door((), || unsafe { callbacks::start(VERSION, context, handle, descriptor) });
    SUCCESS
}

unsafe extern "C" fn stop(handle: *mut c_void) -> c_int {
    door((), || callbacks::stop(handle));
    SUCCESS
}

unsafe extern "C" fn state(handle: *mut c_void, state: c_int, arguments: *mut c_void) -> c_int {
    // SAFETY: NCCL passes arguments that belong to the state.
    door((), || unsafe { callbacks::state(handle, state, arguments) });
    SUCCESS
}

unsafe extern "C" fn finalize(context: *mut c_void) -> c_int {
    door((), || callbacks::finalize(context));
    SUCCESS
}
