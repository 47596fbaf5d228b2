//! GPUs under perfagent's own names, in base units.

use super::{Style, scaled};
use crate::examination::Examination;
use crate::exposition::{Kind, Page};
use crate::moment::Moment;
use crate::sample::{GpuSample, GpuState};
use crate::state::{NvmlState, State};

type Labels = &'static [(&'static str, &'static str)];

/// A value of a sample as a metric.
struct Row {
    /// The sample's name of it.
    value: &'static str,
    /// The metric's name without `perfagent_gpu_`, unit and `_total`.
    name: &'static str,
    unit: &'static str,
    kind: Kind,
    /// From NVML's unit to the base unit.
    factor: f64,
    labels: Labels,
    help: &'static str,
}

const fn gauge(
    value: &'static str,
    name: &'static str,
    unit: &'static str,
    factor: f64,
    help: &'static str,
) -> Row {
    Row { value, name, unit, kind: Kind::Gauge, factor, labels: &[], help }
}

const fn counter(
    value: &'static str,
    name: &'static str,
    labels: Labels,
    help: &'static str,
) -> Row {
    Row { value, name, unit: "", kind: Kind::Counter, factor: 1.0, labels, help }
}

const PCT: f64 = 0.01;
const MILLI: f64 = 0.001;
const MEGA: f64 = 1e6;
const MIB: f64 = 1_048_576.0;

const ECC: &str = "Memory errors since the driver was loaded.";
const ECC_LIFETIME: &str = "Memory errors over the GPU's life.";
const ROWS: &str = "Memory rows replaced over the GPU's life, by what was wrong.";
const NVLINK: &str = "Errors of all NVLinks together.";
const ACTIVE: &str =
    "Mean share of the time in use since the sample before, by unit (GPM, from Hopper on).";

const fn active(value: &'static str, labels: Labels) -> Row {
    Row {
        value,
        name: "active",
        unit: "ratio",
        kind: Kind::Gauge,
        factor: PCT,
        labels,
        help: ACTIVE,
    }
}

/// Rows of one name stand together.
const ROWS_OF_GPU: [Row; 42] = [
    gauge(
        "gpu_utilization_pct",
        "utilization",
        "ratio",
        PCT,
        "Share of the last sampling period with a kernel running.",
    ),
    gauge(
        "memory_utilization_pct",
        "memory_utilization",
        "ratio",
        PCT,
        "Share of the last sampling period with memory being read or written.",
    ),
    gauge(
        "encoder_utilization_pct",
        "encoder_utilization",
        "ratio",
        PCT,
        "Share of the time in which the video encoder ran.",
    ),
    gauge(
        "decoder_utilization_pct",
        "decoder_utilization",
        "ratio",
        PCT,
        "Share of the time in which the video decoder ran.",
    ),
    gauge("memory_total_bytes", "memory_total", "bytes", 1.0, "Memory of the GPU."),
    gauge("memory_used_bytes", "memory_used", "bytes", 1.0, "Memory handed out to programs."),
    gauge("memory_free_bytes", "memory_free", "bytes", 1.0, "Memory that nobody has."),
    gauge(
        "memory_reserved_bytes",
        "memory_reserved",
        "bytes",
        1.0,
        "Memory that driver and firmware keep for themselves.",
    ),
    gauge("power_mw", "power", "watts", MILLI, "Power drawn."),
    gauge("power_limit_mw", "power_limit", "watts", MILLI, "Power at which clocks are held down."),
    Row {
        value: "energy_mj",
        name: "energy",
        unit: "joules",
        kind: Kind::Counter,
        factor: MILLI,
        labels: &[],
        help: "Energy used since the driver was loaded.",
    },
    gauge("temperature_c", "temperature", "celsius", 1.0, "Temperature of the GPU."),
    gauge(
        "memory_temperature_c",
        "memory_temperature",
        "celsius",
        1.0,
        "Temperature of its memory.",
    ),
    gauge(
        "slowdown_c",
        "slowdown_temperature",
        "celsius",
        1.0,
        "Temperature at which hardware slows the GPU down.",
    ),
    gauge("sm_clock_mhz", "sm_clock", "hertz", MEGA, "Clock of the multiprocessors."),
    gauge("memory_clock_mhz", "memory_clock", "hertz", MEGA, "Clock of the memory."),
    gauge(
        "pcie_generation",
        "pcie_generation",
        "",
        1.0,
        "PCI Express generation now; lower while idle.",
    ),
    gauge(
        "pcie_generation_max",
        "pcie_generation_max",
        "",
        1.0,
        "The highest that GPU and slot can do together.",
    ),
    gauge("pcie_width", "pcie_lanes", "", 1.0, "PCI Express lanes now."),
    gauge(
        "pcie_width_max",
        "pcie_lanes_max",
        "",
        1.0,
        "The most that GPU and slot can do together.",
    ),
    counter(
        "pcie_replays",
        "pcie_replays",
        &[],
        "Repeated PCI Express transfers since the last reset.",
    ),
    counter("ecc_corrected", "ecc_errors", &[("type", "corrected")], ECC),
    counter("ecc_uncorrected", "ecc_errors", &[("type", "uncorrected")], ECC),
    counter(
        "ecc_corrected_lifetime",
        "ecc_lifetime_errors",
        &[("type", "corrected")],
        ECC_LIFETIME,
    ),
    counter(
        "ecc_uncorrected_lifetime",
        "ecc_lifetime_errors",
        &[("type", "uncorrected")],
        ECC_LIFETIME,
    ),
    counter("rows_remapped_corrected", "remapped_rows", &[("errors", "corrected")], ROWS),
    counter("rows_remapped_uncorrected", "remapped_rows", &[("errors", "uncorrected")], ROWS),
    gauge(
        "row_remap_pending",
        "row_remap_pending",
        "",
        1.0,
        "1: a row waits for a reset to be replaced.",
    ),
    gauge(
        "row_remap_failed",
        "row_remap_failed",
        "",
        1.0,
        "1: a row could not be replaced; the GPU has to be.",
    ),
    counter("nvlink_crc_flit_errors", "nvlink_errors", &[("type", "crc_flit")], NVLINK),
    counter("nvlink_crc_data_errors", "nvlink_errors", &[("type", "crc_data")], NVLINK),
    counter("nvlink_replay_errors", "nvlink_errors", &[("type", "replay")], NVLINK),
    counter("nvlink_recovery_errors", "nvlink_errors", &[("type", "recovery")], NVLINK),
    gauge("processes", "processes", "", 1.0, "Processes that compute on the GPU."),
    active("graphics_active_pct", &[("unit", "graphics")]),
    active("sm_active_pct", &[("unit", "sm")]),
    active("tensor_active_pct", &[("unit", "tensor")]),
    active("dram_active_pct", &[("unit", "dram")]),
    active("fp64_active_pct", &[("unit", "fp64")]),
    active("fp32_active_pct", &[("unit", "fp32")]),
    active("fp16_active_pct", &[("unit", "fp16")]),
    gauge(
        "sm_occupancy_pct",
        "sm_occupancy",
        "ratio",
        PCT,
        "Mean share of the warps that multiprocessors have room for (GPM, from Hopper on).",
    ),
];

/// Traffic, which has a name of its own a link: value, name, direction.
const TRAFFIC: [(&str, &str, &str); 4] = [
    ("pcie_tx_mib_s", "perfagent_gpu_pcie_bytes_per_second", "transmit"),
    ("pcie_rx_mib_s", "perfagent_gpu_pcie_bytes_per_second", "receive"),
    ("nvlink_tx_mib_s", "perfagent_gpu_nvlink_bytes_per_second", "transmit"),
    ("nvlink_rx_mib_s", "perfagent_gpu_nvlink_bytes_per_second", "receive"),
];

/// NVML's bits (`nvmlClocksEventReasons`).
const REASONS: [(u64, &str); 9] = [
    (0x1, "idle"),
    (0x2, "application_clocks"),
    (0x4, "power_cap"),
    (0x8, "hw_slowdown"),
    (0x10, "sync_boost"),
    (0x20, "sw_thermal"),
    (0x40, "hw_thermal"),
    (0x80, "power_brake"),
    (0x100, "display_clocks"),
];

/// What tells GPUs apart.
pub(super) fn labels(gpu: &GpuSample) -> Vec<(&'static str, String)> {
    vec![("gpu", gpu.index.to_string()), ("uuid", gpu.uuid.clone().unwrap_or_default())]
}

/// How many GPUs should be here and how many are: told also while NVML does not answer, so that an alert need not ask for what
/// is absent.
pub(super) fn add_counts(page: &mut Page, state: &State, style: &Style, now: Moment) {
    let nvml = &state.nvml;
    let shown = state.examination.as_ref().and_then(Examination::expected_gpus);
    let expected = style.expected_gpus.unwrap_or_else(|| shown.unwrap_or(0).max(nvml.most.into()));
    page.gauge(
        "perfagent_gpus_expected",
        "GPUs that should be here: as told, else as the PCI bus and the driver show, at least as many as were ever seen.",
    )
    .add(vec![], expected as f64);
    let is_fresh = nvml.at.is_some_and(|at| at.age_s(now) <= style.valid_s);
    let present = nvml.gpus.iter().filter(|gpu| gpu.state == GpuState::Answers).count();
    let present = if is_fresh { present } else { 0 };
    page.gauge("perfagent_gpus_present", "GPUs that answer through NVML.")
        .add(vec![], present as f64);
}

/// The GPUs of the last look.
pub(super) fn add(page: &mut Page, nvml: &NvmlState) {
    for gpu in &nvml.gpus {
        let known = nvml.known.get(&gpu.index).unwrap_or(gpu);
        add_identity(page, known, gpu, nvml.driver.as_deref());
        if gpu.state == GpuState::Answers {
            add_values(page, gpu);
        }
    }
}

fn add_identity(page: &mut Page, known: &GpuSample, gpu: &GpuSample, driver: Option<&str>) {
    let mut info = labels(known);
    let place = known.place();
    for (label, value) in [
        // As the kernel log and the XIDs have it.
        ("pci_bus_id", place.as_deref()),
        ("name", known.name.as_deref()),
        ("vbios", known.vbios.as_deref()),
        ("driver", driver),
    ] {
        info.extend(value.map(|value| (label, value.to_owned())));
    }
    page.family("perfagent_gpu", Kind::Info, "", "Which GPU it is.").add(info, 1.0);
    let is_lost = f64::from(u8::from(gpu.state != GpuState::Answers));
    page.gauge("perfagent_gpu_lost", "1: NVML counts the GPU, but it does not answer.")
        .add(labels(known), is_lost);
}

fn add_values(page: &mut Page, gpu: &GpuSample) {
    for row in &ROWS_OF_GPU {
        let Some(value) = gpu.values.get(row.value) else { continue };
        let name = match row.unit {
            "" => format!("perfagent_gpu_{}", row.name),
            unit => format!("perfagent_gpu_{}_{unit}", row.name),
        };
        let mut labels = labels(gpu);
        labels.extend(row.labels.iter().map(|(label, value)| (*label, (*value).to_owned())));
        page.family(name, row.kind, row.unit, row.help).add(labels, scaled(*value, row.factor));
    }
    for (value, name, direction) in TRAFFIC {
        let Some(value) = gpu.values.get(value) else { continue };
        let mut labels = labels(gpu);
        labels.push(("direction", direction.to_owned()));
        let help =
            "Mean traffic since the sample before, as the GPU sees it (GPM, from Hopper on).";
        page.family(name, Kind::Gauge, "", help).add(labels, value * MIB);
    }
    if let Some(bits) = gpu.values.get("throttle_reasons") {
        let bits = *bits as u64;
        for (bit, reason) in REASONS {
            let mut labels = labels(gpu);
            labels.push(("reason", reason.to_owned()));
            let holds = f64::from(u8::from(bits & bit != 0));
            let help = "1: this holds the clocks down.";
            page.gauge("perfagent_gpu_throttle_reason", help).add(labels, holds);
        }
    }
}
