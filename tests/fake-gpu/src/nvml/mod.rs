//! NVML: GPUs that can be queried, and what happens to them.

pub mod device;
pub mod event;
pub mod gpm;
pub mod health;
pub mod link;
mod script;

use std::ffi::{c_char, c_void};

use script::script;

const SUCCESS: u32 = 0;
const INVALID_ARGUMENT: u32 = 2;
const VERSION_MISMATCH: u32 = 25;

/// `nvmlDevice_t`: the index plus one.
pub type Device = *mut c_void;

/// Runs `answer` with the GPU's index, unless the script has the call answer otherwise.
fn answer(name: &str, device: Device, answer: impl FnOnce(u32) -> u32) -> u32 {
    let Some(index) = device.addr().checked_sub(1).map(|index| index as u32) else {
        return INVALID_ARGUMENT;
    };
    if index >= script().gpus {
        return INVALID_ARGUMENT;
    }
    script().stage(name, Some(index)).unwrap_or_else(|| answer(index))
}

/// Writes `text` with its final zero.
///
/// # Safety
/// `to` has `length` bytes.
unsafe fn put_text(text: &str, to: *mut c_char, length: u32) -> u32 {
    if text.len() >= length as usize {
        return 7;
    }
    // SAFETY: the caller's promise, and there is room for the zero.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr(), to.cast(), text.len());
        *to.add(text.len()) = 0;
    }
    SUCCESS
}

/// Starts the play.
#[unsafe(no_mangle)]
pub extern "C" fn nvmlInit_v2() -> u32 {
    script().stage("nvmlInit_v2", None).unwrap_or(SUCCESS)
}

/// Ends nothing.
#[unsafe(no_mangle)]
pub extern "C" fn nvmlShutdown() -> u32 {
    script().stage("nvmlShutdown", None).unwrap_or(SUCCESS)
}

/// The driver's version.
///
/// # Safety
/// `version` has `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlSystemGetDriverVersion(version: *mut c_char, length: u32) -> u32 {
    // SAFETY: the caller's promise.
    unsafe { put_text("580.82.07", version, length) }
}

/// The library's own version.
///
/// # Safety
/// `version` has `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlSystemGetNVMLVersion(version: *mut c_char, length: u32) -> u32 {
    // SAFETY: the caller's promise.
    unsafe { put_text(script().library.as_deref().unwrap_or("13.580.82.07"), version, length) }
}

/// How many GPUs there are.
///
/// # Safety
/// `count` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetCount_v2(count: *mut u32) -> u32 {
    // SAFETY: the caller's promise.
    unsafe { *count = script().gpus };
    script().stage("nvmlDeviceGetCount_v2", None).unwrap_or(SUCCESS)
}

/// The handle of a GPU.
///
/// # Safety
/// `device` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetHandleByIndex_v2(index: u32, device: *mut Device) -> u32 {
    let handle: Device = std::ptr::without_provenance_mut(index as usize + 1);
    answer("nvmlDeviceGetHandleByIndex_v2", handle, |_| {
        // SAFETY: the caller's promise.
        unsafe { *device = handle };
        SUCCESS
    })
}
