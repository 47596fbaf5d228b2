//! GPUs under the names and labels of dcgm-exporter, for dashboards and alerts that are there already.
//!
//! Units are DCGM's: memory in MiB, energy in mJ, clocks in MHz, activity 0..1. Activity (`DCGM_FI_PROF_*`) is there where
//! the GPU offers performance monitoring (GPM), and nowhere else. The host's name is in two labels, as dcgm-exporter wrote
//! `Hostname` until 2026 and `hostname` since.

use super::scaled;
use crate::exposition::{Kind, Page};
use crate::sample::{GpuSample, GpuState};
use crate::state::State;

/// Name, the sample's value, from its unit to DCGM's, whether it counts up, and what it is.
type Row = (&'static str, &'static str, f64, bool, &'static str);

const PER_MIB: f64 = 1.0 / 1_048_576.0;
const MIB: f64 = 1_048_576.0;

const ROWS: [Row; 39] = [
    ("DCGM_FI_DEV_SM_CLOCK", "sm_clock_mhz", 1.0, false, "Clock of the multiprocessors (MHz)."),
    ("DCGM_FI_DEV_MEM_CLOCK", "memory_clock_mhz", 1.0, false, "Clock of the memory (MHz)."),
    (
        "DCGM_FI_DEV_MEMORY_TEMP",
        "memory_temperature_c",
        1.0,
        false,
        "Temperature of the memory (C).",
    ),
    ("DCGM_FI_DEV_GPU_TEMP", "temperature_c", 1.0, false, "Temperature of the GPU (C)."),
    ("DCGM_FI_DEV_POWER_USAGE", "power_mw", 0.001, false, "Power drawn (W)."),
    (
        "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION",
        "energy_mj",
        1.0,
        true,
        "Energy since the driver was loaded (mJ).",
    ),
    (
        "DCGM_FI_DEV_PCIE_REPLAY_COUNTER",
        "pcie_replays",
        1.0,
        true,
        "Repeated PCI Express transfers.",
    ),
    ("DCGM_FI_DEV_GPU_UTIL", "gpu_utilization_pct", 1.0, false, "Time with a kernel running (%)."),
    (
        "DCGM_FI_DEV_MEM_COPY_UTIL",
        "memory_utilization_pct",
        1.0,
        false,
        "Time with memory in use (%).",
    ),
    (
        "DCGM_FI_DEV_ENC_UTIL",
        "encoder_utilization_pct",
        1.0,
        false,
        "Time with the encoder in use (%).",
    ),
    (
        "DCGM_FI_DEV_DEC_UTIL",
        "decoder_utilization_pct",
        1.0,
        false,
        "Time with the decoder in use (%).",
    ),
    ("DCGM_FI_DEV_FB_FREE", "memory_free_bytes", PER_MIB, false, "Memory that nobody has (MiB)."),
    ("DCGM_FI_DEV_FB_USED", "memory_used_bytes", PER_MIB, false, "Memory in use (MiB)."),
    (
        "DCGM_FI_DEV_FB_RESERVED",
        "memory_reserved_bytes",
        PER_MIB,
        false,
        "Memory of driver and firmware (MiB).",
    ),
    ("DCGM_FI_DEV_FB_TOTAL", "memory_total_bytes", PER_MIB, false, "Memory of the GPU (MiB)."),
    (
        "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS",
        "rows_remapped_uncorrected",
        1.0,
        true,
        "Rows replaced after uncorrectable errors.",
    ),
    (
        "DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS",
        "rows_remapped_corrected",
        1.0,
        true,
        "Rows replaced after correctable errors.",
    ),
    (
        "DCGM_FI_DEV_ROW_REMAP_FAILURE",
        "row_remap_failed",
        1.0,
        false,
        "1: a row could not be replaced.",
    ),
    (
        "DCGM_FI_DEV_ROW_REMAP_PENDING",
        "row_remap_pending",
        1.0,
        false,
        "1: a row waits for a reset to be replaced.",
    ),
    (
        "DCGM_FI_DEV_ECC_SBE_VOL_TOTAL",
        "ecc_corrected",
        1.0,
        true,
        "Corrected memory errors since the driver was loaded.",
    ),
    (
        "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL",
        "ecc_uncorrected",
        1.0,
        true,
        "Uncorrected memory errors since the driver was loaded.",
    ),
    (
        "DCGM_FI_DEV_ECC_SBE_AGG_TOTAL",
        "ecc_corrected_lifetime",
        1.0,
        true,
        "Corrected memory errors over the GPU's life.",
    ),
    (
        "DCGM_FI_DEV_ECC_DBE_AGG_TOTAL",
        "ecc_uncorrected_lifetime",
        1.0,
        true,
        "Uncorrected memory errors over the GPU's life.",
    ),
    (
        "DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL",
        "nvlink_crc_flit_errors",
        1.0,
        true,
        "NVLink flow-control CRC errors.",
    ),
    (
        "DCGM_FI_DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL",
        "nvlink_crc_data_errors",
        1.0,
        true,
        "NVLink data CRC errors.",
    ),
    (
        "DCGM_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL",
        "nvlink_replay_errors",
        1.0,
        true,
        "NVLink replays.",
    ),
    (
        "DCGM_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL",
        "nvlink_recovery_errors",
        1.0,
        true,
        "NVLink recoveries.",
    ),
    (
        "DCGM_FI_PROF_GR_ENGINE_ACTIVE",
        "graphics_active_pct",
        0.01,
        false,
        "Time in which the graphics or compute engine is active (ratio).",
    ),
    (
        "DCGM_FI_PROF_SM_ACTIVE",
        "sm_active_pct",
        0.01,
        false,
        "Time in which multiprocessors have a warp (ratio).",
    ),
    (
        "DCGM_FI_PROF_SM_OCCUPANCY",
        "sm_occupancy_pct",
        0.01,
        false,
        "Warps in multiprocessors (ratio).",
    ),
    (
        "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE",
        "tensor_active_pct",
        0.01,
        false,
        "Time in which the tensor cores are active (ratio).",
    ),
    (
        "DCGM_FI_PROF_DRAM_ACTIVE",
        "dram_active_pct",
        0.01,
        false,
        "Time in which the memory interface is active (ratio).",
    ),
    (
        "DCGM_FI_PROF_PIPE_FP64_ACTIVE",
        "fp64_active_pct",
        0.01,
        false,
        "Time in which the FP64 pipe is active (ratio).",
    ),
    (
        "DCGM_FI_PROF_PIPE_FP32_ACTIVE",
        "fp32_active_pct",
        0.01,
        false,
        "Time in which the FP32 pipe is active (ratio).",
    ),
    (
        "DCGM_FI_PROF_PIPE_FP16_ACTIVE",
        "fp16_active_pct",
        0.01,
        false,
        "Time in which the FP16 pipe is active (ratio).",
    ),
    (
        "DCGM_FI_PROF_PCIE_TX_BYTES",
        "pcie_tx_mib_s",
        MIB,
        false,
        "PCI Express traffic from the GPU (bytes/s).",
    ),
    (
        "DCGM_FI_PROF_PCIE_RX_BYTES",
        "pcie_rx_mib_s",
        MIB,
        false,
        "PCI Express traffic to the GPU (bytes/s).",
    ),
    (
        "DCGM_FI_PROF_NVLINK_TX_BYTES",
        "nvlink_tx_mib_s",
        MIB,
        false,
        "NVLink traffic from the GPU (bytes/s).",
    ),
    (
        "DCGM_FI_PROF_NVLINK_RX_BYTES",
        "nvlink_rx_mib_s",
        MIB,
        false,
        "NVLink traffic to the GPU (bytes/s).",
    ),
];

/// The GPUs of the last look.
pub(super) fn add(page: &mut Page, state: &State, host: &str) {
    let driver = state.nvml.driver.as_deref().unwrap_or_default();
    let answering = state.nvml.gpus.iter().filter(|gpu| gpu.state == GpuState::Answers);
    for gpu in answering {
        let labels = labels(gpu, host, driver);
        for (name, value, factor, counts, help) in ROWS {
            let Some(value) = gpu.values.get(value) else { continue };
            let value = scaled(*value, factor);
            // DCGM has whole MiB.
            let value = if name.starts_with("DCGM_FI_DEV_FB_") { value.floor() } else { value };
            let kind = if counts { Kind::ForeignCounter } else { Kind::Gauge };
            page.family(name, kind, "", help).add(labels.clone(), value);
        }
        let xid = gpu.place().and_then(|place| state.xids.last_of_place(&place)).unwrap_or(0);
        let help = "The last XID, 0 before the first; perfagent_health_xid_total counts them.";
        page.gauge("DCGM_FI_DEV_XID_ERRORS", help).add(labels, xid.into());
    }
}

fn labels(gpu: &GpuSample, host: &str, driver: &str) -> Vec<(&'static str, String)> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let device = gpu.minor.unwrap_or(gpu.index);
    vec![
        ("gpu", gpu.index.to_string()),
        ("UUID", text(&gpu.uuid)),
        ("pci_bus_id", text(&gpu.pci)),
        ("device", format!("nvidia{device}")),
        ("modelName", text(&gpu.name)),
        ("Hostname", host.to_owned()),
        ("hostname", host.to_owned()),
        ("DCGM_FI_DRIVER_VERSION", driver.to_owned()),
    ]
}
