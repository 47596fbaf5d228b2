//! Questions about a GPU's health, as structures with a version where NVML has one.

use super::device::or;
use super::script::{NOT_SUPPORTED, script};
use super::{Device, SUCCESS, VERSION_MISMATCH, answer};

/// `nvmlRowRemapperHistogramValues_t`: banks with all, most, some, one, no spare rows. A GPU with instances does not say.
///
/// # Safety
/// `banks` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetRowRemapperHistogram(
    device: Device,
    banks: *mut [u32; 5],
) -> u32 {
    answer("nvmlDeviceGetRowRemapperHistogram", device, |index| {
        if script().count("mig", index) == 1 {
            return NOT_SUPPORTED;
        }
        let [low, none] = ["spare_low", "spare_none"].map(|word| or(word, index, 0));
        // SAFETY: the caller's promise.
        unsafe { *banks = [640 - low - none, 0, 0, low, none] };
        SUCCESS
    })
}

/// `nvmlEccSramErrorStatus_v1_t`.
#[repr(C)]
pub struct SramStatus {
    version: u32,
    /// Parity, SEC-DED and corrected errors: over its life, since the driver was loaded.
    counts: [u64; 6],
    buckets: [u64; 5],
    threshold_exceeded: u32,
}

/// As the script says.
///
/// # Safety
/// `status` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetSramEccErrorStatus(
    device: Device,
    status: *mut SramStatus,
) -> u32 {
    answer("nvmlDeviceGetSramEccErrorStatus", device, |index| {
        // SAFETY: the caller's promise.
        let status = unsafe { &mut *status };
        if status.version != 0x0100_0068 {
            return VERSION_MISMATCH;
        }
        let [uncorrected, corrected, exceeded] =
            ["sram", "sram_corrected", "sram_threshold"].map(|word| script().count(word, index));
        status.counts = [uncorrected, 0, corrected, 0, uncorrected, corrected];
        status.buckets = [0; 5];
        status.threshold_exceeded = exceeded as u32;
        SUCCESS
    })
}

/// `nvmlGpuFabricInfo_v2_t`.
#[repr(C)]
pub struct FabricInfo {
    version: u32,
    cluster: [u8; 16],
    status: u32,
    clique: u32,
    state: u8,
    health: u32,
}

/// Set up and healthy, unless the script says otherwise.
///
/// # Safety
/// `info` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetGpuFabricInfoV(device: Device, info: *mut FabricInfo) -> u32 {
    answer("nvmlDeviceGetGpuFabricInfoV", device, |index| {
        // SAFETY: the caller's promise.
        let info = unsafe { &mut *info };
        if info.version != 0x0200_0024 {
            return VERSION_MISMATCH;
        }
        info.cluster = [7; 16];
        info.clique = 1;
        info.state = or("fabric", index, 3) as u8;
        info.status = or("fabric_status", index, 0);
        info.health = or("fabric_health", index, 0xaa);
        SUCCESS
    })
}

/// `nvmlMarginTemperature_v1_t`: version, °C.
///
/// # Safety
/// `margin` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetMarginTemperature(
    device: Device,
    margin: *mut (u32, i32),
) -> u32 {
    answer("nvmlDeviceGetMarginTemperature", device, |index| {
        // SAFETY: the caller's promise.
        let margin = unsafe { &mut *margin };
        if margin.0 != 0x0100_0008 {
            return VERSION_MISMATCH;
        }
        margin.1 = script().level("margin", index).unwrap_or(32) as i32;
        SUCCESS
    })
}

/// Off, unless the script says otherwise.
///
/// # Safety
/// `current` and `pending` are valid places.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetMigMode(
    device: Device,
    current: *mut u32,
    pending: *mut u32,
) -> u32 {
    answer("nvmlDeviceGetMigMode", device, |index| {
        let mode = or("mig", index, 0);
        // SAFETY: the caller's promise.
        unsafe { (*current, *pending) = (mode, or("mig_pending", index, mode)) };
        SUCCESS
    })
}

/// SM (1) at most 1980 MHz, memory (2) 2619 MHz.
///
/// # Safety
/// `clock` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetMaxClockInfo(
    device: Device,
    kind: u32,
    clock: *mut u32,
) -> u32 {
    answer("nvmlDeviceGetMaxClockInfo", device, |_| {
        // SAFETY: the caller's promise.
        unsafe { *clock = if kind == 2 { 2619 } else { 1980 } };
        SUCCESS
    })
}

/// The clock that is set for programs.
///
/// # Safety
/// `clock` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetApplicationsClock(
    device: Device,
    kind: u32,
    clock: *mut u32,
) -> u32 {
    answer("nvmlDeviceGetApplicationsClock", device, |index| {
        // SAFETY: the caller's promise.
        unsafe { *clock = if kind == 2 { 2619 } else { or("app_clock", index, 1980) } };
        SUCCESS
    })
}

/// The one that NVIDIA sets.
///
/// # Safety
/// `clock` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetDefaultApplicationsClock(
    device: Device,
    kind: u32,
    clock: *mut u32,
) -> u32 {
    answer("nvmlDeviceGetDefaultApplicationsClock", device, |_| {
        // SAFETY: the caller's promise.
        unsafe { *clock = if kind == 2 { 2619 } else { 1980 } };
        SUCCESS
    })
}
