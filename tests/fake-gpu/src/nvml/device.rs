//! What a GPU answers. Structures are laid out here by hand, apart from the bindings of the product.

use std::ffi::{c_char, c_int};
use std::time::Duration;

use super::script::{NOT_SUPPORTED, elapsed, script};
use super::{Device, SUCCESS, VERSION_MISMATCH, answer, put_text};

const INSUFFICIENT_SIZE: u32 = 7;

/// What the script says, or the usual.
pub(super) fn or(word: &str, gpu: u32, usual: u32) -> u32 {
    script().level(word, gpu).map_or(usual, |value| value as u32)
}

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
    nvmlDeviceGetUtilizationRates: [u32; 2] = |index| {
        if script().count("mig", index) == 1 {
            return NOT_SUPPORTED;
        }
        [script().level("utilization", index).map_or(93, |pct| pct as u32), 41]
    };
    nvmlDeviceGetPowerUsage: u32 = |index| 300_000 + 1000 * index;
    nvmlDeviceGetEnforcedPowerLimit: u32 = |_index| 700_000;
    nvmlDeviceGetTotalEnergyConsumption: u64 = |_index| 1_000_000 + 300 * elapsed().as_millis() as u64;
    nvmlDeviceGetCurrentClocksThrottleReasons: u64 = |index| script().count("reasons", index);
    nvmlDeviceGetPcieReplayCounter: u32 = |index| script().accumulated("replays", index, 1.0) as u32;
    nvmlDeviceGetCurrPcieLinkGeneration: u32 = |index| or("pcie_gen", index, 5);
    nvmlDeviceGetMaxPcieLinkGeneration: u32 = |_index| 5;
    nvmlDeviceGetCurrPcieLinkWidth: u32 = |index| or("pcie_width", index, 16);
    nvmlDeviceGetMaxPcieLinkWidth: u32 = |_index| 16;
    nvmlDeviceGetPersistenceMode: u32 = |index| or("persistence", index, 1);
    nvmlDeviceGetGpuMaxPcieLinkGeneration: u32 = |_index| 5;
    nvmlDeviceGetComputeMode: u32 = |index| or("compute", index, 0);
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
    answer("nvmlDeviceGetMemoryInfo_v2", device, |index| {
        // SAFETY: the caller's promise. The version in the low half of the first word stays.
        unsafe {
            let version = (*memory)[0];
            // Version 2 of a structure of 40 bytes.
            if version as u32 != 0x0200_0028 {
                return VERSION_MISMATCH;
            }
            let used = script().all("memory", index).into_iter().next().unwrap_or(20 << 30);
            *memory = [version, 80 << 30, 1 << 30, (79 << 30) - used, used];
        }
        SUCCESS
    })
}

/// 55 °C, or as the script says.
///
/// # Safety
/// `celsius` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetTemperature(
    device: Device,
    _sensor: u32,
    celsius: *mut u32,
) -> u32 {
    answer("nvmlDeviceGetTemperature", device, |index| {
        // SAFETY: the caller's promise.
        unsafe { *celsius = or("temperature", index, 55) };
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

/// SM (1) at 1980 MHz or as the script says, memory (2) at 2619 MHz.
///
/// # Safety
/// `clock` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetClockInfo(device: Device, kind: u32, clock: *mut u32) -> u32 {
    answer("nvmlDeviceGetClockInfo", device, |index| {
        // SAFETY: the caller's promise.
        unsafe { *clock = if kind == 2 { 2619 } else { or("clock", index, 1980) } };
        SUCCESS
    })
}

/// ECC is on and stays on, unless the script says otherwise.
///
/// # Safety
/// `current` and `pending` are valid places.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetEccMode(
    device: Device,
    current: *mut u32,
    pending: *mut u32,
) -> u32 {
    answer("nvmlDeviceGetEccMode", device, |index| {
        let mode = or("ecc_mode", index, 1);
        // SAFETY: the caller's promise.
        unsafe { (*current, *pending) = (mode, mode) };
        SUCCESS
    })
}

/// Uncorrected (1) and corrected errors as the script says.
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
        unsafe { *count = script().count(if kind == 1 { "ecc" } else { "corrected" }, index) };
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

/// The same of one kind of memory: all of it is device memory (2).
///
/// # Safety
/// `count` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetMemoryErrorCounter(
    device: Device,
    kind: u32,
    _counter: u32,
    location: u32,
    count: *mut u64,
) -> u32 {
    answer("nvmlDeviceGetMemoryErrorCounter", device, |index| {
        let word = if kind == 1 { "ecc" } else { "corrected" };
        // SAFETY: the caller's promise.
        unsafe { *count = if location == 2 { script().count(word, index) } else { 0 } };
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

/// Nanoseconds a second of each percent.
const PERCENT_NS: f64 = 1e7;

/// What a field holds, by the numbers of the driver that is played (from 580.82 on).
fn field(index: u32, field: u32, link: u32) -> Option<i64> {
    let count = |word| Some(script().count(word, index) as i64);
    let held = |word| Some(script().accumulated(word, index, PERCENT_NS) as i64);
    match field {
        82 => Some(i64::from(or("memory_temperature", index, 61))),
        // Rows that were replaced, and the limit on power, have no words: nothing of them happens here.
        74 | 142 | 143 => Some(0),
        144 => count("remap_pending"),
        145 => count("remap_failed"),
        230 => count("recovery"),
        194 => Some(-2),
        75 | 269 => held("hot_software"),
        270 => held("hot_hardware"),
        271 => held("brake"),
        206..=215 if script().nvlink5 => Some(super::link::fifth(index, field, link)),
        _ => None,
    }
}

/// Memory at 61 °C, no remapped rows, no recovery action, unless the script says otherwise.
///
/// # Safety
/// `values` points to `count` of them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetFieldValues(
    device: Device,
    count: c_int,
    values: *mut FieldValue,
) -> u32 {
    answer("nvmlDeviceGetFieldValues", device, |index| {
        for at in 0..count as usize {
            // SAFETY: the caller's promise.
            let value = unsafe { &mut *values.add(at) };
            let found = field(index, value.field, value.scope);
            // A signed int where it may be below zero, else an unsigned long long or an unsigned int.
            value.kind = match value.field {
                194 => 5,
                74 | 75 | 206..=215 | 269..=271 => 3,
                _ => 1,
            };
            value.status = if found.is_some() { SUCCESS } else { NOT_SUPPORTED };
            value.value = found.unwrap_or(0).cast_unsigned();
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

/// Every child of this process uses 1 GiB of the first GPU, and so do the processes of the script.
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
        let mut children = if index == 0 { children() } else { Vec::new() };
        children.extend(script().all("process", index).into_iter().map(|pid| pid as u32));
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
