//! Reads NVML. Runs in the child process only: any of these calls may hang or crash with the driver.

mod events;
mod fields;
mod links;
mod raw;

use std::thread;
use std::time::{Duration, Instant};

use nvml_wrapper::enum_wrappers::device::{
    Clock, ComputeMode, EccCounter, MemoryError, MemoryLocation, RetirementCause,
    TemperatureSensor, TemperatureThreshold,
};
use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::struct_wrappers::device::ProcessInfo;
use nvml_wrapper::sys_exports::field_id;
use nvml_wrapper::{Device, Nvml};

use super::counters::{Counters, Held};
use super::nvlink::Link;
use super::probe::{Failure, Line};
use super::process::GpuProcess;
use super::reading::{GpuIdentity, GpuReadings, Mode, Reading};
use events::Events;
use fields::Fields;
use raw::Raw;

/// Least time between the first and the second look at what only grows.
const WINDOW: Duration = Duration::from_millis(500);

/// Asks everything, and tells each step before it is taken.
pub(super) fn read(tell: &mut impl FnMut(Line)) {
    tell(Line::Calling("nvmlInit".to_owned()));
    let nvml = match Nvml::init() {
        Ok(nvml) => nvml,
        Err(error) => return tell(Line::Failed(failure(&error))),
    };
    tell(Line::Calling("nvmlDeviceGetCount".to_owned()));
    let count = match nvml.device_count() {
        Ok(count) => count,
        Err(error) => return tell(Line::Failed(failure(&error))),
    };
    let driver = nvml.sys_driver_version().ok();
    let library = nvml.sys_nvml_version().ok();
    tell(Line::Started { driver, library, count });
    let start = Instant::now();
    tell(Line::Calling("registering for XIDs".to_owned()));
    let events = Events::register(&nvml, count);
    let mut watched = Vec::new();
    for index in 0..count {
        tell(Line::Calling(format!("reading GPU {index}")));
        match nvml.device_by_index(index) {
            Ok(device) => {
                let gpu = gpu(&nvml, &device, index, start);
                watched.push((index, device, gpu.links.clone(), Instant::now()));
                tell(Line::Gpu(Box::new(gpu)));
            }
            Err(error) => tell(Line::Gpu(Box::new(without_handle(index, reading(Err(error)))))),
        }
    }
    for (index, device, links, read) in &watched {
        wait(WINDOW.saturating_sub(read.elapsed()));
        tell(Line::Calling(format!("reading counters of GPU {index} again")));
        let counters = counters(device, &Raw::new(&nvml, device), links, start);
        tell(Line::Again { index: *index, counters });
    }
    tell(Line::Calling("asking for XIDs".to_owned()));
    for (index, code) in events.seen() {
        tell(Line::Xid { index, code });
    }
    // The end is told before the library is shut down: a driver that hangs there has answered everything.
    tell(Line::End);
}

#[expect(clippy::disallowed_methods, reason = "counters are given time to grow")]
fn wait(time: Duration) {
    thread::sleep(time);
}

fn failure(error: &NvmlError) -> Failure {
    match error {
        NvmlError::LibloadingError(_) => Failure::NoLibrary,
        NvmlError::DriverNotLoaded => Failure::NoDriver,
        NvmlError::LibRmVersionMismatch => Failure::Mismatch,
        other => Failure::Other(other.to_string()),
    }
}

fn reading<T>(result: Result<T, NvmlError>) -> Reading<T> {
    match result {
        Ok(value) => Reading::Value(value),
        Err(
            NvmlError::NotSupported
            | NvmlError::InvalidArg
            | NvmlError::FunctionNotFound
            | NvmlError::FailedToLoadSymbol(_),
        ) => Reading::NotSupported,
        Err(NvmlError::GpuLost) => Reading::Lost,
        Err(error) => Reading::Failed(error.to_string()),
    }
}

fn gpu(nvml: &Nvml, device: &Device<'_>, index: u32, start: Instant) -> GpuReadings {
    let fields = Fields::read(device, &FIELDS);
    let raw = Raw::new(nvml, device);
    let [slowdown_margin_c] = raw.values([field_id::NVML_FI_DEV_TEMPERATURE_SLOWDOWN_TLIMIT], 0);
    let threshold = |kind| reading(device.temperature_threshold(kind));
    let clock = |kind| reading(device.clock_info(kind));
    let highest = |kind| reading(device.max_clock_info(kind));
    let links = links::read(&raw);
    let counters = counters(device, &raw, &links, start);
    let ecc = |kind| reading(device.total_ecc_errors(kind, EccCounter::Volatile));
    let retired = |cause| reading(device.retired_pages(cause)).map(|pages| pages.len() as u64);
    GpuReadings {
        identity: GpuIdentity {
            index,
            name: device.name().ok(),
            uuid: device.uuid().ok(),
            pci: device.pci_info().ok().map(|pci| short_pci(&pci.bus_id)),
            vbios: device.vbios_version().ok(),
        },
        handle: Reading::Value(()),
        recovery_action: fields.get(field_id::NVML_FI_DEV_GET_GPU_RECOVERY_ACTION),
        ecc_mode: reading(device.is_ecc_enabled().map(|state| Mode {
            current: state.currently_enabled,
            pending: state.pending_enabled,
        })),
        ecc_uncorrected: ecc(MemoryError::Uncorrected),
        ecc_corrected: ecc(MemoryError::Corrected),
        ecc_corrected_dram: reading(device.memory_error_counter(
            MemoryError::Corrected,
            EccCounter::Volatile,
            MemoryLocation::Device,
        )),
        sram: raw.sram(),
        rows_remapped_corrected: fields.get(field_id::NVML_FI_DEV_REMAPPED_COR),
        rows_remapped_uncorrected: fields.get(field_id::NVML_FI_DEV_REMAPPED_UNC),
        remap_pending: fields.get(field_id::NVML_FI_DEV_REMAPPED_PENDING),
        remap_failed: fields.get(field_id::NVML_FI_DEV_REMAPPED_FAILURE),
        row_reserve: raw.row_reserve(),
        retired_pages: retired(RetirementCause::MultipleSingleBitEccErrors)
            .plus(&retired(RetirementCause::DoubleBitEccError)),
        retirement_pending: reading(device.are_pages_pending_retired()),
        throttle_reasons: reading(device.current_throttle_reasons().map(|reasons| reasons.bits())),
        temperature_c: reading(device.temperature(TemperatureSensor::Gpu)),
        slowdown_c: threshold(TemperatureThreshold::Slowdown),
        memory_temperature_c: narrowed(fields.get(field_id::NVML_FI_DEV_MEMORY_TEMP)),
        memory_max_c: threshold(TemperatureThreshold::MemoryMax),
        margin_c: raw.margin_c(),
        // Drivers that call it unsigned mean a number below zero all the same.
        slowdown_margin_c: slowdown_margin_c.map(|margin| i64::from(margin as i32)),
        sm_clock_mhz: clock(Clock::SM),
        sm_clock_max_mhz: highest(Clock::SM),
        memory_clock_mhz: clock(Clock::Memory),
        memory_clock_max_mhz: highest(Clock::Memory),
        application_clock_mhz: reading(device.applications_clock(Clock::SM)),
        application_clock_default_mhz: reading(device.default_applications_clock(Clock::SM)),
        pcie_generation: reading(device.current_pcie_link_gen()),
        pcie_generation_max: reading(device.max_pcie_link_gen()),
        pcie_generation_gpu: raw.pcie_generation(),
        pcie_width: reading(device.current_pcie_link_width()),
        pcie_width_max: reading(device.max_pcie_link_width()),
        links,
        fabric: raw.fabric(),
        mig: reading(
            device
                .mig_mode()
                .map(|mode| Mode { current: mode.current != 0, pending: mode.pending != 0 }),
        ),
        compute_mode: reading(device.compute_mode()).map(compute_mode),
        processes: reading(device.running_compute_processes()).map(|computing| {
            // Where these are not told, nothing draws.
            let drawing = device.running_graphics_processes().unwrap_or_default();
            processes(computing.into_iter().chain(drawing))
        }),
        memory_used_bytes: reading(device.memory_info().map(|memory| memory.used)),
        persistence: reading(device.is_in_persistent_mode()),
        utilization_pct: reading(device.utilization_rates().map(|rates| rates.gpu)),
        counters,
        later: None,
    }
}

/// What is asked for by number, once.
const FIELDS: [u32; 6] = [
    field_id::NVML_FI_DEV_GET_GPU_RECOVERY_ACTION,
    field_id::NVML_FI_DEV_REMAPPED_COR,
    field_id::NVML_FI_DEV_REMAPPED_UNC,
    field_id::NVML_FI_DEV_REMAPPED_PENDING,
    field_id::NVML_FI_DEV_REMAPPED_FAILURE,
    field_id::NVML_FI_DEV_MEMORY_TEMP,
];

/// For how long clocks were held down, in nanoseconds.
const HELD: [u32; 5] = [
    field_id::NVML_FI_DEV_CLOCKS_EVENT_REASON_HW_THERM_SLOWDOWN,
    field_id::NVML_FI_DEV_CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN,
    field_id::NVML_FI_DEV_CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN,
    field_id::NVML_FI_DEV_PERF_POLICY_THERMAL,
    field_id::NVML_FI_DEV_PERF_POLICY_POWER,
];

/// One look at what only grows.
fn counters(
    device: &Device<'_>,
    raw: &Raw<'_>,
    links: &Reading<Vec<Link>>,
    start: Instant,
) -> Counters {
    let held = Fields::read(device, &HELD);
    let [hardware_thermal_ns, power_brake_ns, software_thermal_ns, thermal_ns, power_ns] =
        HELD.map(|field| held.get(field));
    Counters {
        at_ms: start.elapsed().as_millis() as u64,
        held: Held {
            hardware_thermal_ns,
            power_brake_ns,
            software_thermal_ns,
            thermal_ns,
            power_ns,
        },
        pcie_replays: reading(device.pcie_replay_counter().map(u64::from)),
        links: links.value().map_or_else(Vec::new, |links| links::errors(raw, links)),
    }
}

/// `nvmlComputeMode_t` again.
fn compute_mode(mode: ComputeMode) -> u32 {
    match mode {
        ComputeMode::Default => 0,
        ComputeMode::ExclusiveThread => 1,
        ComputeMode::Prohibited => 2,
        ComputeMode::ExclusiveProcess => 3,
    }
}

/// Each process once, as one that computes and draws is told twice.
fn processes(processes: impl Iterator<Item = ProcessInfo>) -> Vec<GpuProcess> {
    let bytes = |used| match used {
        UsedGpuMemory::Used(bytes) => Some(bytes),
        UsedGpuMemory::Unavailable => None,
    };
    let mut found: Vec<GpuProcess> = processes
        .map(|process| GpuProcess { pid: process.pid, bytes: bytes(process.used_gpu_memory) })
        .collect();
    found.sort_by_key(|process| process.pid);
    found.dedup_by_key(|process| process.pid);
    found
}

fn narrowed(reading: Reading<u64>) -> Reading<u32> {
    match reading {
        Reading::Value(value) => u32::try_from(value).map_or(Reading::NotSupported, Reading::Value),
        Reading::NotSupported => Reading::NotSupported,
        Reading::Lost => Reading::Lost,
        Reading::Failed(said) => Reading::Failed(said),
    }
}

/// A GPU that NVML counts but does not give access to.
fn without_handle(index: u32, handle: Reading<()>) -> GpuReadings {
    let identity = GpuIdentity { index, ..GpuIdentity::default() };
    GpuReadings { identity, handle, ..GpuReadings::default() }
}

/// NVML writes eight digits of domain and capitals where the kernel writes four and none.
fn short_pci(bus_id: &str) -> String {
    let lower = bus_id.to_ascii_lowercase();
    match lower.split_once(':') {
        Some((domain, rest)) if domain.len() > 4 => {
            format!("{}:{rest}", &domain[domain.len() - 4..])
        }
        _ => lower,
    }
}

#[cfg(test)]
mod tests {
    use super::short_pci;

    #[test]
    fn places_are_written_as_the_kernel_does() {
        assert_eq!(short_pci("00000000:9B:00.0"), "0000:9b:00.0");
        assert_eq!(short_pci("0008:01:00.0"), "0008:01:00.0");
    }
}
