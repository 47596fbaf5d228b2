//! The quantities that NVML answers at once, each with the call that tells it.

use nvml_wrapper::Device;
use nvml_wrapper::enum_wrappers::device::{Clock, EccCounter, MemoryError, TemperatureSensor};
use nvml_wrapper::enums::device::SampleValue;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::structs::device::FieldId;
use nvml_wrapper::sys_exports::field_id;

use crate::sample::Keep;

/// One call, and the series that its answer belongs to.
pub(super) struct Metric {
    /// NVML's function.
    pub(super) call: &'static str,
    /// Names of the series.
    pub(super) names: &'static [&'static str],
    /// Their unit.
    pub(super) unit: &'static str,
    pub(super) keep: Keep,
    /// The values, in the order of the names.
    pub(super) read: fn(&Device<'_>) -> Result<[f64; 2], NvmlError>,
}

const fn one(value: f64) -> [f64; 2] {
    [value, 0.0]
}

/// Read at every turn.
pub(super) const FAST: &[Metric] = &[
    Metric {
        call: "nvmlDeviceGetUtilizationRates",
        names: &["gpu_utilization", "memory_utilization"],
        unit: "pct",
        keep: Keep::Every,
        read: |device| device.utilization_rates().map(|busy| [busy.gpu.into(), busy.memory.into()]),
    },
    Metric {
        call: "nvmlDeviceGetMemoryInfo_v2",
        names: &["memory_used"],
        unit: "bytes",
        keep: Keep::Every,
        read: |device| device.memory_info().map(|memory| one(memory.used as f64)),
    },
    Metric {
        call: "nvmlDeviceGetPowerUsage",
        names: &["power"],
        unit: "W",
        keep: Keep::Every,
        read: |device| device.power_usage().map(|milliwatts| one(f64::from(milliwatts) / 1000.0)),
    },
    Metric {
        call: "nvmlDeviceGetClockInfo",
        names: &["sm_clock"],
        unit: "MHz",
        keep: Keep::Every,
        read: |device| device.clock_info(Clock::SM).map(|clock| one(clock.into())),
    },
];

/// Errors in memory that ECC could not correct: growth is told at once.
pub(super) const ECC_UNCORRECTED: &str = "ecc_uncorrected";

/// What changes slowly, read four times a second.
pub(super) const SLOW: &[Metric] = &[
    Metric {
        call: "nvmlDeviceGetTemperature",
        names: &["temperature"],
        unit: "C",
        keep: Keep::Every,
        read: |device| {
            device.temperature(TemperatureSensor::Gpu).map(|celsius| one(celsius.into()))
        },
    },
    Metric {
        call: "nvmlDeviceGetClockInfo",
        names: &["memory_clock"],
        unit: "MHz",
        keep: Keep::Changes,
        read: |device| device.clock_info(Clock::Memory).map(|clock| one(clock.into())),
    },
    Metric {
        call: "nvmlDeviceGetTotalEnergyConsumption",
        names: &["energy"],
        unit: "J",
        keep: Keep::Every,
        read: |device| {
            device.total_energy_consumption().map(|millijoules| one(millijoules as f64 / 1000.0))
        },
    },
];

/// What hardly ever changes and takes the driver long to answer, read once a second. Counts begin at the last load of the
/// driver.
pub(super) const RARE: &[Metric] = &[
    Metric {
        call: "nvmlDeviceGetTotalEccErrors",
        names: &["ecc_corrected"],
        unit: "count",
        keep: Keep::Changes,
        read: |device| {
            let errors = device.total_ecc_errors(MemoryError::Corrected, EccCounter::Volatile);
            errors.map(|count| one(count as f64))
        },
    },
    Metric {
        call: "nvmlDeviceGetTotalEccErrors",
        names: &[ECC_UNCORRECTED],
        unit: "count",
        keep: Keep::Changes,
        read: |device| {
            let errors = device.total_ecc_errors(MemoryError::Uncorrected, EccCounter::Volatile);
            errors.map(|count| one(count as f64))
        },
    },
    Metric {
        call: "nvmlDeviceGetPcieReplayCounter",
        names: &["pcie_replays"],
        unit: "count",
        keep: Keep::Changes,
        read: |device| device.pcie_replay_counter().map(|count| one(count.into())),
    },
];

/// Values that NVML knows by number only: the number, the series, its unit. All are asked for in one call, as rarely as
/// [`RARE`].
pub(super) const FIELDS: &[(u32, &str, &str)] = &[
    (field_id::NVML_FI_DEV_MEMORY_TEMP, "memory_temperature", "C"),
    (field_id::NVML_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL, "nvlink_crc_flit_errors", "count"),
    (field_id::NVML_FI_DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL, "nvlink_crc_data_errors", "count"),
    (field_id::NVML_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL, "nvlink_replay_errors", "count"),
    (field_id::NVML_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL, "nvlink_recovery_errors", "count"),
];

/// The values of these fields, in this order.
pub(super) fn fields(
    device: &Device<'_>,
    ids: &[FieldId],
) -> Result<Vec<Result<f64, NvmlError>>, NvmlError> {
    let values = device.field_values_for(ids)?;
    Ok(values
        .into_iter()
        .map(|value| {
            value.and_then(|sample| sample.value).map(|value| match value {
                SampleValue::F64(value) => value,
                SampleValue::U32(value) => value.into(),
                SampleValue::U64(value) => value as f64,
                SampleValue::I64(value) => value as f64,
            })
        })
        .collect())
}
