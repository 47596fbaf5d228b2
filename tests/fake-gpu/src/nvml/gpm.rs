//! Performance monitoring, where the script has the word `gpm`.

use std::ffi::{c_char, c_void};

use super::script::{NOT_SUPPORTED, script};
use super::{Device, INVALID_ARGUMENT, SUCCESS, VERSION_MISMATCH, answer};

/// `nvmlGpmSupport_t`: version, answer.
///
/// # Safety
/// `support` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlGpmQueryDeviceSupport(device: Device, support: *mut [u32; 2]) -> u32 {
    answer("nvmlGpmQueryDeviceSupport", device, |_| {
        // SAFETY: the caller's promise.
        unsafe {
            if (*support)[0] != 1 {
                return VERSION_MISMATCH;
            }
            (*support)[1] = u32::from(script().gpm);
        }
        SUCCESS
    })
}

/// Room for a sample.
///
/// # Safety
/// `sample` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlGpmSampleAlloc(sample: *mut *mut c_void) -> u32 {
    let number: Box<u64> = Box::new(0);
    // SAFETY: the caller's promise.
    unsafe { *sample = Box::into_raw(number).cast() };
    SUCCESS
}

/// Gives the room back.
///
/// # Safety
/// `sample` comes from `nvmlGpmSampleAlloc`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlGpmSampleFree(sample: *mut c_void) -> u32 {
    // SAFETY: the caller's promise.
    drop(unsafe { Box::from_raw(sample.cast::<u64>()) });
    SUCCESS
}

/// Fills it.
///
/// # Safety
/// `sample` comes from `nvmlGpmSampleAlloc`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlGpmSampleGet(device: Device, sample: *mut c_void) -> u32 {
    answer("nvmlGpmSampleGet", device, |_| {
        if !script().gpm {
            return NOT_SUPPORTED;
        }
        // SAFETY: the caller's promise.
        unsafe { *sample.cast::<u64>() = 1 };
        SUCCESS
    })
}

/// One `nvmlGpmMetric_t`.
#[repr(C)]
pub struct Metric {
    id: u32,
    status: u32,
    value: f64,
    names: [*const c_char; 3],
}

/// `nvmlGpmMetricsGet_t`.
#[repr(C)]
pub struct Metrics {
    version: u32,
    count: u32,
    samples: [*mut c_void; 2],
    each: [Metric; 98],
}

/// SM 80 %, occupancy 50 %, tensor 40 %, DRAM 60 %; PCI Express 100 MiB/s in, 50 out. No links between GPUs.
///
/// # Safety
/// `metrics` is a valid place, its samples come from `nvmlGpmSampleAlloc`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlGpmMetricsGet(metrics: *mut Metrics) -> u32 {
    if let Some(status) = script().stage("nvmlGpmMetricsGet", None) {
        return status;
    }
    // SAFETY: the caller's promise.
    let asked = unsafe { &mut *metrics };
    if asked.version != 1 {
        return VERSION_MISMATCH;
    }
    // SAFETY: the caller's promise.
    if asked.samples.iter().any(|sample| unsafe { *sample.cast::<u64>() } != 1) {
        return INVALID_ARGUMENT;
    }
    for metric in &mut asked.each[..asked.count as usize] {
        (metric.status, metric.value) = match metric.id {
            2 => (SUCCESS, 80.0),
            5 => (SUCCESS, 40.0),
            10 => (SUCCESS, 60.0),
            11..=13 => (SUCCESS, 5.0),
            3 | 20 => (SUCCESS, 50.0),
            21 => (SUCCESS, 100.0),
            _ => (NOT_SUPPORTED, 0.0),
        };
        metric.names = [c"name".as_ptr(), c"long name".as_ptr(), c"%".as_ptr()];
    }
    SUCCESS
}
