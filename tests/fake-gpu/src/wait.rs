//! Calls that wait for the GPU, and that record events: each of the runtime calls the driver, as in CUDA, and both tell
//! who watches them. Streams are their handles; the null stream is 7, a thread's own 8.

use std::ffi::{c_int, c_uint, c_void};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::callback::{CONTEXT, call_with};

const DRIVER: c_int = 1;
const RUNTIME: c_int = 2;
/// How long the host waits.
const LENGTH: Duration = Duration::from_millis(2);

/// From here on, so that they are told from those of launches.
static NEXT: AtomicU32 = AtomicU32::new(5001);

/// A stream or event that has been destroyed.
const GONE: usize = 0xdead;
/// `cudaErrorInvalidResourceHandle`.
const INVALID_HANDLE: c_int = 400;

/// A call of the runtime that makes one of the driver.
fn both(runtime: u32, driver: u32, parameters: &[usize], inside: impl FnOnce() -> c_int) -> c_int {
    let correlation = NEXT.fetch_add(1, Ordering::Relaxed);
    call_with(RUNTIME, runtime, correlation, parameters, || {
        call_with(DRIVER, driver, correlation, parameters, || {
            if parameters.contains(&GONE) { INVALID_HANDLE } else { inside() }
        })
    })
}

#[expect(clippy::disallowed_methods, reason = "the wait is what is played")]
fn wait() -> c_int {
    std::thread::sleep(LENGTH);
    0
}

/// The number of a stream. One that is gone ends the process, as following its pointer does.
///
/// # Safety
/// `number` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuptiGetStreamIdEx(
    context: *mut c_void,
    stream: *mut c_void,
    per_thread: u8,
    number: *mut u32,
) -> c_int {
    if context.addr() != CONTEXT {
        return crate::cupti::INVALID_PARAMETER;
    }
    if stream.addr() == GONE {
        std::process::abort();
    }
    let of_null = if per_thread == 0 { 7 } else { 8 };
    // SAFETY: the caller's promise.
    unsafe { *number = if stream.is_null() { of_null } else { stream.addr() as u32 } };
    0
}

/// Waits for everything.
#[unsafe(no_mangle)]
pub extern "C" fn cudaDeviceSynchronize() -> c_int {
    both(165, 17, &[], wait)
}

/// Waits for a stream.
#[unsafe(no_mangle)]
pub extern "C" fn cudaStreamSynchronize(stream: *mut c_void) -> c_int {
    both(131, 126, &[stream.addr()], wait)
}

/// Waits for a stream; 0 is the thread's own.
#[unsafe(no_mangle)]
pub extern "C" fn cudaStreamSynchronize_ptsz(stream: *mut c_void) -> c_int {
    both(239, 440, &[stream.addr()], wait)
}

/// Waits for an event.
#[unsafe(no_mangle)]
pub extern "C" fn cudaEventSynchronize(event: *mut c_void) -> c_int {
    both(137, 121, &[event.addr()], wait)
}

/// Makes a stream wait for an event.
#[unsafe(no_mangle)]
pub extern "C" fn cudaStreamWaitEvent(
    stream: *mut c_void,
    event: *mut c_void,
    flags: c_uint,
) -> c_int {
    both(147, 295, &[stream.addr(), event.addr(), flags as usize], || 0)
}

/// Records an event on a stream.
#[unsafe(no_mangle)]
pub extern "C" fn cudaEventRecord(event: *mut c_void, stream: *mut c_void) -> c_int {
    both(135, 119, &[event.addr(), stream.addr()], || 0)
}

/// Waits for a stream, called without the runtime.
#[unsafe(no_mangle)]
pub extern "C" fn cuStreamSynchronize(stream: *mut c_void) -> c_int {
    let correlation = NEXT.fetch_add(1, Ordering::Relaxed);
    call_with(DRIVER, 126, correlation, &[stream.addr()], wait)
}
