//! Calls of the CUDA API that CUPTI tells of as they happen, few of them: waits, launches while NCCL's are looked for,
//! the profiler's start and stop, the reset of a device, and launches while no buffer comes back.
#![expect(unsafe_code, reason = "calls into CUPTI, and the callback that it calls")]

use std::ffi::{CStr, c_int, c_void};
use std::sync::atomic::Ordering;

use super::session::{self, Session};
use super::sys::{CallbackData, DRIVER_API, ENTER, RUNTIME_API};
use super::theft::{self, RUNTIME_LAUNCHES};
use super::{flush, launch, waits};
use crate::capture;
use crate::door::door;

/// `cudaDeviceReset`, of the runtime. These numbers are those that
/// `cuptiGetCallbackName` of CUDA 13.0 gives names to; numbers are never reused.
const DEVICE_RESET: u32 = 164;
/// `cuProfilerStart` and `cuProfilerStop`, of the driver.
const PROFILER_START: u32 = 308;
const PROFILER_STOP: u32 = 309;

/// Asks to be told of what must be seen as it happens.
pub(super) fn watch(session: &Session) {
    let Some(enable) = session.api.enable_callback else { return };
    let subscriber = session.subscriber.load(Ordering::Relaxed);
    let profiler = capture::is_by_cuda_profiler();
    let calls = [
        (true, RUNTIME_API, DEVICE_RESET),
        (profiler, DRIVER_API, PROFILER_START),
        (profiler, DRIVER_API, PROFILER_STOP),
    ];
    for (_, domain, call) in calls.into_iter().filter(|(wanted, ..)| *wanted) {
        // SAFETY: the subscriber is ours; a call that this CUPTI does not know is an error without effect.
        unsafe { enable(1, subscriber, domain, call) };
    }
}

/// CUPTI calls it as calls that were asked for begin and end.
pub(super) extern "C" fn callback(
    _user: *mut c_void,
    domain: c_int,
    call: u32,
    data: *const c_void,
) {
    door((), || {
        // SAFETY: in both domains the data is of this type, valid during the call.
        let Some(data) = (unsafe { data.cast::<CallbackData>().as_ref() }) else { return };
        if let Some(watched) = waits::of(domain, call) {
            // SAFETY: the data are for this function.
            return unsafe { waits::seen(watched, data) };
        }
        match (domain, call, data.site == ENTER) {
            (RUNTIME_API, DEVICE_RESET, true) => {
                // With the device go the records that have not been taken.
                if let Some(session) = session::current() {
                    flush::now(session);
                }
            }
            (RUNTIME_API, call, true) if RUNTIME_LAUNCHES.contains(&call) => theft::launched(),
            (DRIVER_API, PROFILER_START, false) => capture::profiler(true),
            (DRIVER_API, PROFILER_STOP, true) => capture::profiler(false),
            (DRIVER_API, PROFILER_START | PROFILER_STOP, _) => {}
            (DRIVER_API, _, true) if !data.symbol.is_null() => {
                theft::launched();
                // SAFETY: a kernel's name is a text ended by 0.
                launch::begins(unsafe { CStr::from_ptr(data.symbol) }, data.correlation);
            }
            _ => {}
        }
    });
}
