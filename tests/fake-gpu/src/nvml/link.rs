//! Links between GPUs: eighteen of each, all up, unless the script says otherwise.

use super::script::{NOT_SUPPORTED, script};
use super::{Device, INVALID_ARGUMENT, SUCCESS, answer};

const LINKS: u32 = 18;

/// Whether a link is up; those of a GPU with instances are not.
///
/// # Safety
/// `is_active` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetNvLinkState(
    device: Device,
    link: u32,
    is_active: *mut u32,
) -> u32 {
    answer("nvmlDeviceGetNvLinkState", device, |index| {
        if link >= LINKS {
            return INVALID_ARGUMENT;
        }
        let down = script().has("link_down", index, link) || script().count("mig", index) == 1;
        // SAFETY: the caller's promise.
        unsafe { *is_active = u32::from(!down) };
        SUCCESS
    })
}

/// The counters of NVLink 4: 0 replays, 1 recoveries, 2 checksums of control packets, 3 of data packets.
///
/// # Safety
/// `count` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetNvLinkErrorCounter(
    device: Device,
    link: u32,
    counter: u32,
    count: *mut u64,
) -> u32 {
    answer("nvmlDeviceGetNvLinkErrorCounter", device, |index| {
        if script().nvlink5 {
            return NOT_SUPPORTED;
        }
        let of_first = match counter {
            0 => script().accumulated("link_replay", index, 1.0),
            1 => script().count("link_recovery", index),
            2 => script().accumulated("link_crc", index, 1.0),
            3 => 0,
            _ => return INVALID_ARGUMENT,
        };
        // SAFETY: the caller's promise.
        unsafe { *count = if link == 0 { of_first } else { 0 } };
        SUCCESS
    })
}

/// The counters of NVLink 5, by field.
pub(super) fn fifth(index: u32, field: u32, link: u32) -> i64 {
    let of_first = match field {
        // Errors on receipt, recoveries that failed, recoveries.
        208 => script().accumulated("link_crc", index, 1.0),
        214 => script().count("link_recovery_failed", index),
        215 => script().count("link_recovery", index),
        _ => 0,
    };
    if link == 0 { of_first as i64 } else { 0 }
}
