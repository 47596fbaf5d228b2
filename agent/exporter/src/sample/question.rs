//! What each GPU is asked, with the function of NVML that tells it. Units are NVML's own and in the names.

use nvml_wrapper::Device;
use nvml_wrapper::enum_wrappers::device::{
    Clock, EccCounter, MemoryError, TemperatureSensor, TemperatureThreshold,
};
use nvml_wrapper::enums::device::SampleValue;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::structs::device::FieldId;
use nvml_wrapper::sys_exports::field_id;

/// As many as one answer has at most.
type Values = [f64; 4];

/// One call and the names of what it answers.
pub(super) struct Question {
    /// NVML's function.
    pub(super) call: &'static str,
    /// Names of the values, at most four.
    pub(super) names: &'static [&'static str],
    /// The values, in the order of the names.
    pub(super) read: fn(&Device<'_>) -> Result<Values, NvmlError>,
}

const fn one(value: f64) -> Values {
    [value, 0.0, 0.0, 0.0]
}

fn whole(value: Result<u32, NvmlError>) -> Result<Values, NvmlError> {
    value.map(|value| one(value.into()))
}

fn ecc(device: &Device<'_>, kind: MemoryError, counter: EccCounter) -> Result<Values, NvmlError> {
    device.total_ecc_errors(kind, counter).map(|count| one(count as f64))
}

/// Every one a call.
pub(super) const QUESTIONS: [Question; 22] = [
    Question {
        call: "nvmlDeviceGetUtilizationRates",
        names: &["gpu_utilization_pct", "memory_utilization_pct"],
        read: |device| {
            let rates = device.utilization_rates()?;
            Ok([rates.gpu.into(), rates.memory.into(), 0.0, 0.0])
        },
    },
    Question {
        call: "nvmlDeviceGetEncoderUtilization",
        names: &["encoder_utilization_pct"],
        read: |device| whole(device.encoder_utilization().map(|rate| rate.utilization)),
    },
    Question {
        call: "nvmlDeviceGetDecoderUtilization",
        names: &["decoder_utilization_pct"],
        read: |device| whole(device.decoder_utilization().map(|rate| rate.utilization)),
    },
    Question {
        call: "nvmlDeviceGetMemoryInfo_v2",
        names: &[
            "memory_total_bytes",
            "memory_used_bytes",
            "memory_free_bytes",
            "memory_reserved_bytes",
        ],
        read: |device| {
            let memory = device.memory_info()?;
            Ok([memory.total, memory.used, memory.free, memory.reserved].map(|bytes| bytes as f64))
        },
    },
    Question {
        call: "nvmlDeviceGetPowerUsage",
        names: &["power_mw"],
        read: |device| whole(device.power_usage()),
    },
    Question {
        call: "nvmlDeviceGetEnforcedPowerLimit",
        names: &["power_limit_mw"],
        read: |device| whole(device.enforced_power_limit()),
    },
    Question {
        call: "nvmlDeviceGetTotalEnergyConsumption",
        names: &["energy_mj"],
        read: |device| device.total_energy_consumption().map(|energy| one(energy as f64)),
    },
    Question {
        call: "nvmlDeviceGetTemperature",
        names: &["temperature_c"],
        read: |device| whole(device.temperature(TemperatureSensor::Gpu)),
    },
    Question {
        call: "nvmlDeviceGetTemperatureThreshold",
        names: &["slowdown_c"],
        read: |device| whole(device.temperature_threshold(TemperatureThreshold::Slowdown)),
    },
    Question {
        call: "nvmlDeviceGetClockInfo",
        names: &["sm_clock_mhz"],
        read: |device| whole(device.clock_info(Clock::SM)),
    },
    Question {
        call: "nvmlDeviceGetClockInfo",
        names: &["memory_clock_mhz"],
        read: |device| whole(device.clock_info(Clock::Memory)),
    },
    Question {
        call: "nvmlDeviceGetCurrentClocksThrottleReasons",
        names: &["throttle_reasons"],
        read: |device| device.current_throttle_reasons().map(|bits| one(bits.bits() as f64)),
    },
    Question {
        call: "nvmlDeviceGetPcieReplayCounter",
        names: &["pcie_replays"],
        read: |device| whole(device.pcie_replay_counter()),
    },
    Question {
        call: "nvmlDeviceGetCurrPcieLinkGeneration",
        names: &["pcie_generation"],
        read: |device| whole(device.current_pcie_link_gen()),
    },
    Question {
        call: "nvmlDeviceGetMaxPcieLinkGeneration",
        names: &["pcie_generation_max"],
        read: |device| whole(device.max_pcie_link_gen()),
    },
    Question {
        call: "nvmlDeviceGetCurrPcieLinkWidth",
        names: &["pcie_width"],
        read: |device| whole(device.current_pcie_link_width()),
    },
    Question {
        call: "nvmlDeviceGetMaxPcieLinkWidth",
        names: &["pcie_width_max"],
        read: |device| whole(device.max_pcie_link_width()),
    },
    Question {
        call: "nvmlDeviceGetTotalEccErrors",
        names: &["ecc_corrected"],
        read: |device| ecc(device, MemoryError::Corrected, EccCounter::Volatile),
    },
    Question {
        call: "nvmlDeviceGetTotalEccErrors",
        names: &["ecc_uncorrected"],
        read: |device| ecc(device, MemoryError::Uncorrected, EccCounter::Volatile),
    },
    Question {
        call: "nvmlDeviceGetTotalEccErrors",
        names: &["ecc_corrected_lifetime"],
        read: |device| ecc(device, MemoryError::Corrected, EccCounter::Aggregate),
    },
    Question {
        call: "nvmlDeviceGetTotalEccErrors",
        names: &["ecc_uncorrected_lifetime"],
        read: |device| ecc(device, MemoryError::Uncorrected, EccCounter::Aggregate),
    },
    Question {
        call: "nvmlDeviceGetComputeRunningProcesses_v3",
        names: &["processes"],
        read: |device| device.running_compute_processes().map(|all| one(all.len() as f64)),
    },
];

/// Values that NVML knows by number only; all are asked for in one call.
pub(super) const FIELDS: [(u32, &str); 9] = [
    (field_id::NVML_FI_DEV_MEMORY_TEMP, "memory_temperature_c"),
    (field_id::NVML_FI_DEV_REMAPPED_COR, "rows_remapped_corrected"),
    (field_id::NVML_FI_DEV_REMAPPED_UNC, "rows_remapped_uncorrected"),
    (field_id::NVML_FI_DEV_REMAPPED_PENDING, "row_remap_pending"),
    (field_id::NVML_FI_DEV_REMAPPED_FAILURE, "row_remap_failed"),
    (field_id::NVML_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL, "nvlink_crc_flit_errors"),
    (field_id::NVML_FI_DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL, "nvlink_crc_data_errors"),
    (field_id::NVML_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL, "nvlink_replay_errors"),
    (field_id::NVML_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL, "nvlink_recovery_errors"),
];

/// The values of these fields, in this order.
pub(super) fn fields(
    device: &Device<'_>,
    wanted: &[(u32, &'static str)],
) -> Result<Vec<Result<f64, NvmlError>>, NvmlError> {
    let ids: Vec<_> = wanted.iter().map(|(id, _)| FieldId(*id)).collect();
    let values = device.field_values_for(&ids)?;
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
