//! What a GPU answers. Structures are laid out here by hand, apart from the bindings of the product.

use std::ffi::{c_char, c_int};
use std::time::Duration;

use super::script::{NOT_SUPPORTED, elapsed, script};
use super::{Device, SUCCESS, VERSION_MISMATCH, answer, put_text};

const INSUFFICIENT_SIZE: u32 = 7;

/// Declares functions of the form `name(device, *mut value)`.
macro_rules! getters {
    ($($name:ident: $type:ty = |$index:ident| $value:expr;)+) => {$(
        #[doc = concat!("Answers `", stringify!($name), "`.\n\n# Safety\n`value` is a valid place.")]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(device: Device, value: *mut $type) -> u32 {
            answer(stringify!($name), device, |$index| {
                let answer = $value;
                // SAFETY: the caller's promise.
                unsafe { *value = answer };
                SUCCESS
            })
        }
    )+};
}

getters! {
    nvmlDeviceGetIndex: u32 = |index| index;
    nvmlDeviceGetUtilizationRates: [u32; 2] = |_index| [93, 41];
    nvmlDeviceGetPowerUsage: u32 = |index| 300_000 + 1000 * index;
    nvmlDeviceGetEnforcedPowerLimit: u32 = |_index| 700_000;
    nvmlDeviceGetTotalEnergyConsumption: u64 = |_index| 1_000_000 + 300 * elapsed().as_millis() as u64;
    nvmlDeviceGetCurrentClocksThrottleReasons: u64 = |index| script().reasons(index);
    nvmlDeviceGetPcieReplayCounter: u32 = |_index| 0;
    nvmlDeviceGetCurrPcieLinkGeneration: u32 = |_index| 5;
    nvmlDeviceGetMaxPcieLinkGeneration: u32 = |_index| 5;
    nvmlDeviceGetCurrPcieLinkWidth: u32 = |_index| 16;
    nvmlDeviceGetMaxPcieLinkWidth: u32 = |_index| 16;
    nvmlDeviceGetPersistenceMode: u32 = |_index| 1;
}

/// Declares functions of the form `name(device, *mut text, length)`.
macro_rules! texts {
    ($($name:ident: |$index:ident| $value:expr;)+) => {$(
        #[doc = concat!("Answers `", stringify!($name), "`.\n\n# Safety\n`text` has `length` bytes.")]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(device: Device, text: *mut c_char, length: u32) -> u32 {
            answer(stringify!($name), device, |$index| {
                // SAFETY: the caller's promise.
                unsafe { put_text(&$value, text, length) }
            })
        }
    )+};
}

texts! {
    nvmlDeviceGetName: |_index| "Fake GPU 1000";
    nvmlDeviceGetUUID: |index| format!("GPU-00010203-0405-0607-0809-0a0b0c0d0e{:02x}", 15 + index);
    nvmlDeviceGetVbiosVersion: |_index| "96.00.89.00.01";
}

/// Version, total, reserved, free, used.
///
/// # Safety
/// `memory` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetMemoryInfo_v2(device: Device, memory: *mut [u64; 5]) -> u32 {
    answer("nvmlDeviceGetMemoryInfo_v2", device, |_| {
        // SAFETY: the caller's promise. The version in the low half of the first word stays.
        unsafe {
            let version = (*memory)[0];
            // Version 2 of a structure of 40 bytes.
            if version as u32 != 0x0200_0028 {
                return VERSION_MISMATCH;
            }
            *memory = [version, 80 << 30, 1 << 30, 59 << 30, 20 << 30];
        }
        SUCCESS
    })
}

/// 55 °C.
///
/// # Safety
/// `celsius` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetTemperature(
    device: Device,
    _sensor: u32,
    celsius: *mut u32,
) -> u32 {
    answer("nvmlDeviceGetTemperature", device, |_| {
        // SAFETY: the caller's promise.
        unsafe { *celsius = 55 };
        SUCCESS
    })
}

/// Slowdown at 92 °C, the most for memory 105 °C.
///
/// # Safety
/// `celsius` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetTemperatureThreshold(
    device: Device,
    threshold: u32,
    celsius: *mut u32,
) -> u32 {
    answer("nvmlDeviceGetTemperatureThreshold", device, |_| {
        // SAFETY: the caller's promise.
        unsafe { *celsius = if threshold == 2 { 105 } else { 92 } };
        SUCCESS
    })
}

/// SM (1) at 1980 MHz, memory (2) at 2619 MHz.
///
/// # Safety
/// `clock` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetClockInfo(device: Device, kind: u32, clock: *mut u32) -> u32 {
    answer("nvmlDeviceGetClockInfo", device, |_| {
        // SAFETY: the caller's promise.
        unsafe { *clock = if kind == 2 { 2619 } else { 1980 } };
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

/// ECC is on and stays on.
///
/// # Safety
/// `current` and `pending` are valid places.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetEccMode(
    device: Device,
    current: *mut u32,
    pending: *mut u32,
) -> u32 {
    answer("nvmlDeviceGetEccMode", device, |_| {
        // SAFETY: the caller's promise.
        unsafe { (*current, *pending) = (1, 1) };
        SUCCESS
    })
}

/// Uncorrected errors (1) as the script says, no corrected ones.
///
/// # Safety
/// `count` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetTotalEccErrors(
    device: Device,
    kind: u32,
    _counter: u32,
    count: *mut u64,
) -> u32 {
    answer("nvmlDeviceGetTotalEccErrors", device, |index| {
        // SAFETY: the caller's promise.
        unsafe { *count = if kind == 1 { script().uncorrected(index) } else { 0 } };
        SUCCESS
    })
}

/// Measures for 20 ms, as NVML does: 1000 KiB/s received (1), 500 sent (0).
///
/// # Safety
/// `kib_a_second` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetPcieThroughput(
    device: Device,
    counter: u32,
    kib_a_second: *mut u32,
) -> u32 {
    answer("nvmlDeviceGetPcieThroughput", device, |_| {
        std::thread::park_timeout(Duration::from_millis(20));
        // SAFETY: the caller's promise.
        unsafe { *kib_a_second = if counter == 1 { 1000 } else { 500 } };
        SUCCESS
    })
}

/// One `nvmlFieldValue_t`.
#[repr(C)]
pub struct FieldValue {
    field: u32,
    scope: u32,
    timestamp: i64,
    latency: i64,
    kind: u32,
    status: u32,
    value: u64,
}

/// Memory at 61 °C, no links between GPUs, no remapped rows, no recovery action.
///
/// # Safety
/// `values` points to `count` of them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetFieldValues(
    device: Device,
    count: c_int,
    values: *mut FieldValue,
) -> u32 {
    answer("nvmlDeviceGetFieldValues", device, |_| {
        for at in 0..count as usize {
            // SAFETY: the caller's promise.
            let value = unsafe { &mut *values.add(at) };
            // An unsigned int.
            value.kind = 1;
            (value.status, value.value) = match value.field {
                82 => (SUCCESS, 61),
                142..=145 | 230 => (SUCCESS, 0),
                _ => (NOT_SUPPORTED, 0),
            };
        }
        SUCCESS
    })
}

/// One `nvmlProcessInfo_t`.
#[repr(C)]
pub struct ProcessInfo {
    pid: u32,
    used: u64,
    gpu_instance: u32,
    compute_instance: u32,
}

/// Every child of this process uses 1 GiB of the first GPU.
///
/// # Safety
/// `count` is a valid place, and `processes` has room for as many, or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetComputeRunningProcesses_v3(
    device: Device,
    count: *mut u32,
    processes: *mut ProcessInfo,
) -> u32 {
    answer("nvmlDeviceGetComputeRunningProcesses_v3", device, |index| {
        let children = if index == 0 { children() } else { Vec::new() };
        // SAFETY: the caller's promise.
        unsafe {
            let room = std::mem::replace(&mut *count, children.len() as u32);
            if room < children.len() as u32 || processes.is_null() {
                return if children.is_empty() { SUCCESS } else { INSUFFICIENT_SIZE };
            }
            for (at, pid) in children.into_iter().enumerate() {
                let none = u32::MAX;
                let info =
                    ProcessInfo { pid, used: 1 << 30, gpu_instance: none, compute_instance: none };
                processes.add(at).write(info);
            }
        }
        SUCCESS
    })
}

fn children() -> Vec<u32> {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return Vec::new() };
    let lists = threads
        .flatten()
        .filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| {
            list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>()
        })
        .collect()
}

/// `nvmlPciInfo_t`: the place in the old form, numbers, the place in the new form.
#[repr(C)]
pub struct PciInfo {
    legacy: [u8; 16],
    numbers: [u32; 5],
    place: [u8; 32],
}

/// 0000:9b:00.0 and the slots after it.
///
/// # Safety
/// `info` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetPciInfo_v3(device: Device, info: *mut PciInfo) -> u32 {
    answer("nvmlDeviceGetPciInfo_v3", device, |index| {
        let bus = 0x9b + index;
        let mut answer = PciInfo {
            legacy: [0; 16],
            numbers: [0, bus, 0, 0x2335_10de, 0x18be_10de],
            place: [0; 32],
        };
        let put = |to: &mut [u8], text: String| to[..text.len()].copy_from_slice(text.as_bytes());
        put(&mut answer.legacy, format!("0000:{bus:02X}:00.0"));
        put(&mut answer.place, format!("00000000:{bus:02X}:00.0"));
        // SAFETY: the caller's promise.
        unsafe { info.write(answer) };
        SUCCESS
    })
}
