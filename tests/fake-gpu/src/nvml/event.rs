//! XIDs as events.

use std::ffi::c_void;
use std::sync::Mutex;
use std::time::Duration;

use super::script::{GPU_IS_LOST, elapsed, script};
use super::{Device, SUCCESS, answer};

const TIMEOUT: u32 = 10;
const XID: u64 = 8;
const DOUBLE_BIT: u64 = 2;

/// Which of the script's XIDs have been delivered.
static DELIVERED: Mutex<Vec<usize>> = Mutex::new(Vec::new());

/// `nvmlEventData_t`.
#[repr(C)]
pub struct EventData {
    device: Device,
    kind: u64,
    data: u64,
    gpu_instance: u32,
    compute_instance: u32,
}

/// A set; there is only one.
///
/// # Safety
/// `set` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlEventSetCreate(set: *mut *mut c_void) -> u32 {
    // SAFETY: the caller's promise.
    unsafe { *set = std::ptr::dangling_mut() };
    script().stage("nvmlEventSetCreate", None).unwrap_or(SUCCESS)
}

/// Frees nothing.
#[unsafe(no_mangle)]
pub extern "C" fn nvmlEventSetFree(_set: *mut c_void) -> u32 {
    SUCCESS
}

/// XIDs and uncorrectable errors are offered.
///
/// # Safety
/// `kinds` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetSupportedEventTypes(device: Device, kinds: *mut u64) -> u32 {
    answer("nvmlDeviceGetSupportedEventTypes", device, |_| {
        // SAFETY: the caller's promise.
        unsafe { *kinds = XID | DOUBLE_BIT };
        SUCCESS
    })
}

/// Takes what is offered, nothing else.
#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceRegisterEvents(device: Device, kinds: u64, _set: *mut c_void) -> u32 {
    answer("nvmlDeviceRegisterEvents", device, |_| {
        if kinds & !(XID | DOUBLE_BIT) == 0 { SUCCESS } else { 3 }
    })
}

/// The next XID of the script, if it comes in time. A lost GPU makes waiting fail.
///
/// # Safety
/// `data` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlEventSetWait_v2(
    _set: *mut c_void,
    data: *mut EventData,
    timeout_ms: u32,
) -> u32 {
    if let Some(status) = script().stage("nvmlEventSetWait_v2", None) {
        return status;
    }
    let deadline = elapsed() + Duration::from_millis(timeout_ms.into());
    loop {
        let now = elapsed();
        let mut delivered = DELIVERED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let due = script()
            .xids
            .iter()
            .enumerate()
            .find(|(at, xid)| !delivered.contains(at) && xid.time.from <= now);
        if let Some((at, xid)) = due {
            delivered.push(at);
            let device = std::ptr::without_provenance_mut(xid.gpu as usize + 1);
            let event = EventData {
                device,
                kind: XID,
                data: xid.value.unsigned_abs(),
                gpu_instance: u32::MAX,
                compute_instance: u32::MAX,
            };
            // SAFETY: the caller's promise.
            unsafe { data.write(event) };
            return SUCCESS;
        }
        drop(delivered);
        if script().is_lost(None) {
            return GPU_IS_LOST;
        }
        if now >= deadline {
            return TIMEOUT;
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
}
