//! The part of the CUDA driver that an injection sees.

use std::ffi::{CStr, CString, c_char, c_int, c_uint};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::callback::call;

/// The name of the one device.
pub const NAME: &CStr = c"Fake GPU 1000";
/// Its memory, in bytes.
pub const MEMORY_BYTES: usize = 16 << 30;

static READY: AtomicBool = AtomicBool::new(false);

/// Loads the library named by `CUDA_INJECTION64_PATH` and calls its `InitializeInjection`, then is ready.
#[unsafe(no_mangle)]
pub extern "C" fn cuInit(_flags: c_uint) -> c_int {
    if let Ok(path) = std::env::var("CUDA_INJECTION64_PATH") {
        let path = CString::new(path).unwrap_or_default();
        // SAFETY: what the driver does: open, look up, call.
        unsafe {
            let library = libc::dlopen(path.as_ptr(), libc::RTLD_NOW);
            if !library.is_null() {
                let entry = libc::dlsym(library, c"InitializeInjection".as_ptr());
                if !entry.is_null() {
                    let entry: extern "C" fn() -> c_int = std::mem::transmute(entry);
                    entry();
                }
            }
        }
    }
    READY.store(true, Ordering::Release);
    0
}

/// Starts the profiler's range.
#[unsafe(no_mangle)]
pub extern "C" fn cuProfilerStart() -> c_int {
    call(1, 308, std::ptr::null(), 0);
    0
}

/// Ends the profiler's range.
#[unsafe(no_mangle)]
pub extern "C" fn cuProfilerStop() -> c_int {
    call(1, 309, std::ptr::null(), 0);
    0
}

/// Resets the device: records that nobody has taken are gone.
#[unsafe(no_mangle)]
pub extern "C" fn cudaDeviceReset() -> c_int {
    call(2, 164, std::ptr::null(), 0);
    crate::cupti::forget();
    0
}

/// One device; `CUDA_ERROR_NOT_INITIALIZED` before `cuInit` is done.
///
/// # Safety
/// `count` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceGetCount(count: *mut c_int) -> c_int {
    if !READY.load(Ordering::Acquire) {
        return 3;
    }
    // SAFETY: the caller's promise.
    unsafe { *count = 1 };
    0
}

/// The device's handle.
///
/// # Safety
/// `device` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceGet(device: *mut c_int, ordinal: c_int) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { *device = 100 + ordinal };
    0
}

/// The device's name.
///
/// # Safety
/// `name` has `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceGetName(
    name: *mut c_char,
    length: c_int,
    _device: c_int,
) -> c_int {
    // SAFETY: the caller's promise; strncpy writes no more than `length`.
    unsafe { libc::strncpy(name, NAME.as_ptr(), length as usize) };
    0
}

/// The device's memory.
///
/// # Safety
/// `bytes` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceTotalMem_v2(bytes: *mut usize, _device: c_int) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { *bytes = MEMORY_BYTES };
    0
}

/// 132 multiprocessors of compute capability 9.0.
///
/// # Safety
/// `value` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceGetAttribute(
    value: *mut c_int,
    attribute: c_int,
    _device: c_int,
) -> c_int {
    let answer = match attribute {
        16 => 132,
        75 => 9,
        76 => 0,
        _ => return 1,
    };
    // SAFETY: the caller's promise.
    unsafe { *value = answer };
    0
}

/// The device's UUID: 0, 1, 2, … 15.
///
/// # Safety
/// `uuid` has 16 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceGetUuid(uuid: *mut [u8; 16], _device: c_int) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { *uuid = std::array::from_fn(|index| index as u8) };
    0
}
