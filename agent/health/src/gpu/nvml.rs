//! Reads NVML. Runs in the child process only: any of these calls may hang or crash with the driver.

use nvml_wrapper::enum_wrappers::device::{
    EccCounter, MemoryError, TemperatureSensor, TemperatureThreshold,
};
use nvml_wrapper::enums::device::SampleValue;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::structs::device::FieldId;
use nvml_wrapper::sys_exports::field_id;
use nvml_wrapper::{Device, Nvml};

use super::probe::{Failure, Line};
use super::reading::{EccMode, GpuIdentity, GpuReadings, Reading};

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
    tell(Line::Started { driver, count });
    for index in 0..count {
        tell(Line::Calling(format!("reading GPU {index}")));
        tell(Line::Gpu(Box::new(gpu(&nvml, index))));
    }
    // The end is told before the library is shut down: a driver that hangs there has answered everything.
    tell(Line::End);
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

fn gpu(nvml: &Nvml, index: u32) -> GpuReadings {
    let device = match nvml.device_by_index(index) {
        Ok(device) => device,
        Err(error) => return without_handle(index, reading(Err(error))),
    };
    let fields = Fields::read(&device);
    let threshold = |kind| reading(device.temperature_threshold(kind));
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
        ecc_mode: reading(device.is_ecc_enabled().map(|state| EccMode {
            current: state.currently_enabled,
            pending: state.pending_enabled,
        })),
        ecc_uncorrected: reading(
            device.total_ecc_errors(MemoryError::Uncorrected, EccCounter::Volatile),
        ),
        ecc_corrected: reading(
            device.total_ecc_errors(MemoryError::Corrected, EccCounter::Volatile),
        ),
        rows_remapped_corrected: fields.get(field_id::NVML_FI_DEV_REMAPPED_COR),
        rows_remapped_uncorrected: fields.get(field_id::NVML_FI_DEV_REMAPPED_UNC),
        remap_pending: fields.get(field_id::NVML_FI_DEV_REMAPPED_PENDING),
        remap_failed: fields.get(field_id::NVML_FI_DEV_REMAPPED_FAILURE),
        retirement_pending: reading(device.are_pages_pending_retired()),
        throttle_reasons: reading(device.current_throttle_reasons().map(|reasons| reasons.bits())),
        temperature_c: reading(device.temperature(TemperatureSensor::Gpu)),
        slowdown_c: threshold(TemperatureThreshold::Slowdown),
        memory_temperature_c: narrowed(fields.get(field_id::NVML_FI_DEV_MEMORY_TEMP)),
        memory_max_c: threshold(TemperatureThreshold::MemoryMax),
        pcie_generation: reading(device.current_pcie_link_gen()),
        pcie_generation_max: reading(device.max_pcie_link_gen()),
        pcie_width: reading(device.current_pcie_link_width()),
        pcie_width_max: reading(device.max_pcie_link_width()),
        pcie_replays: reading(device.pcie_replay_counter().map(u64::from)),
        persistence: reading(device.is_in_persistent_mode()),
        utilization_pct: reading(device.utilization_rates().map(|rates| rates.gpu)),
    }
}

/// The values that NVML gives by number only, asked for in one call.
struct Fields(Result<Vec<(u32, Reading<u64>)>, NvmlError>);

impl Fields {
    fn read(device: &Device<'_>) -> Self {
        const WANTED: [u32; 6] = [
            field_id::NVML_FI_DEV_GET_GPU_RECOVERY_ACTION,
            field_id::NVML_FI_DEV_REMAPPED_COR,
            field_id::NVML_FI_DEV_REMAPPED_UNC,
            field_id::NVML_FI_DEV_REMAPPED_PENDING,
            field_id::NVML_FI_DEV_REMAPPED_FAILURE,
            field_id::NVML_FI_DEV_MEMORY_TEMP,
        ];
        Self(device.field_values_for(&WANTED.map(FieldId)).map(|values| {
            // In the order of the question: the answer carries the driver's own numbers.
            let values = values.into_iter().map(|value| {
                reading(value.and_then(|sample| sample.value).map(|value| match value {
                    SampleValue::F64(value) => value.max(0.0) as u64,
                    SampleValue::U32(value) => value.into(),
                    SampleValue::U64(value) => value,
                    SampleValue::I64(value) => value.max(0).unsigned_abs(),
                }))
            });
            WANTED.into_iter().zip(values).collect()
        }))
    }

    fn get(&self, field: u32) -> Reading<u64> {
        match &self.0 {
            Ok(values) => values
                .iter()
                .find(|(id, _)| *id == field)
                .map_or(Reading::NotSupported, |(_, value)| value.clone()),
            Err(NvmlError::NotSupported | NvmlError::FailedToLoadSymbol(_)) => {
                Reading::NotSupported
            }
            Err(NvmlError::GpuLost) => Reading::Lost,
            Err(error) => Reading::Failed(error.to_string()),
        }
    }
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
pub(super) fn without_handle(index: u32, handle: Reading<()>) -> GpuReadings {
    GpuReadings {
        identity: GpuIdentity { index, name: None, uuid: None, pci: None, vbios: None },
        handle,
        recovery_action: Reading::NotSupported,
        ecc_mode: Reading::NotSupported,
        ecc_uncorrected: Reading::NotSupported,
        ecc_corrected: Reading::NotSupported,
        rows_remapped_corrected: Reading::NotSupported,
        rows_remapped_uncorrected: Reading::NotSupported,
        remap_pending: Reading::NotSupported,
        remap_failed: Reading::NotSupported,
        retirement_pending: Reading::NotSupported,
        throttle_reasons: Reading::NotSupported,
        temperature_c: Reading::NotSupported,
        slowdown_c: Reading::NotSupported,
        memory_temperature_c: Reading::NotSupported,
        memory_max_c: Reading::NotSupported,
        pcie_generation: Reading::NotSupported,
        pcie_generation_max: Reading::NotSupported,
        pcie_width: Reading::NotSupported,
        pcie_width_max: Reading::NotSupported,
        pcie_replays: Reading::NotSupported,
        persistence: Reading::NotSupported,
        utilization_pct: Reading::NotSupported,
    }
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
