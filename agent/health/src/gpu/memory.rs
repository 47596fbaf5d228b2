//! Memory errors of a GPU: ECC counters, on-chip memory, row remapping and what is left for it, page retirement.

use serde::{Deserialize, Serialize};

use super::reading::GpuReadings;
use crate::{Check, Severity, Status};

const ECC: &str = "gpu_ecc_errors";
const SRAM: &str = "gpu_sram_errors";
const REMAP: &str = "gpu_row_remapping";
const RESERVE: &str = "gpu_row_reserve";
/// Corrected errors since the driver was loaded, as in Azure's node health checks.
const CORRECTED_SRAM: u64 = 10_000;
const CORRECTED_DRAM: u64 = 20_000_000;
/// Retired pages of a GPU before Ampere, which has room for 64; as in Azure's checks.
const RETIRED_PAGES: u64 = 62;
const RESET: &str = "drain the node and reset the GPU: nvidia-smi --gpu-reset -i INDEX";

/// Errors in on-chip memory (`nvmlEccSramErrorStatus_v1_t`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SramErrors {
    /// Uncorrected since the driver was loaded.
    pub uncorrected: u64,
    /// Corrected since the driver was loaded.
    pub corrected: u64,
    /// Uncorrected over the GPU's life.
    pub uncorrected_ever: u64,
    /// Whether NVIDIA's own threshold is passed.
    pub threshold_exceeded: bool,
}

/// Banks of memory by the spare rows that they have left (`nvmlRowRemapperHistogramValues_t`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowReserve {
    /// Banks with all.
    pub max: u32,
    /// With most.
    pub high: u32,
    /// With some.
    pub partial: u32,
    /// With one.
    pub low: u32,
    /// With none.
    pub none: u32,
}

pub(super) fn check(gpu: &GpuReadings) -> [Check; 4] {
    [ecc(gpu), sram(gpu), remapping(gpu), reserve(gpu)]
}

fn ecc(gpu: &GpuReadings) -> Check {
    let target = gpu.target();
    let Some(&uncorrected) = gpu.ecc_uncorrected.value() else {
        let missing = gpu.ecc_uncorrected.missing(ECC, &target, "its ECC errors");
        return missing.unwrap_or_else(|| Check::not_applicable(ECC, target, "no ECC"));
    };
    let corrected = gpu.ecc_corrected.value();
    let corrected = corrected.map_or_else(|| "unknown".to_owned(), u64::to_string);
    let detail = format!(
        "{uncorrected} uncorrected, {corrected} corrected errors since the driver was loaded"
    );
    let check =
        Check::ok(ECC, target, detail).found(uncorrected, "uncorrected errors").expected(0_u64);
    if uncorrected > 0 {
        return check.but(Status::Critical, Severity::Reset, RESET);
    }
    let dram = gpu.ecc_corrected_dram.value().copied();
    if let Some(dram) = dram.filter(|dram| *dram > CORRECTED_DRAM) {
        let action = "watch whether it grows and whether XID 92 comes; have the GPU inspected then";
        return check.found(dram, "corrected errors").expected(CORRECTED_DRAM).but(
            Status::Warning,
            Severity::Monitor,
            action,
        );
    }
    check
}

/// NVIDIA's own verdict first, then what the counters say.
fn sram(gpu: &GpuReadings) -> Check {
    let target = gpu.target();
    let Some(errors) = gpu.sram.value() else {
        let missing = gpu.sram.missing(SRAM, &target, "errors in its on-chip memory");
        return missing.unwrap_or_else(|| Check::not_applicable(SRAM, target, "not told"));
    };
    let detail = format!(
        "on-chip memory: {} uncorrected, {} corrected errors since the driver was loaded, {} uncorrected ever",
        errors.uncorrected, errors.corrected, errors.uncorrected_ever
    );
    let check = Check::ok(SRAM, target, detail)
        .found(errors.uncorrected, "uncorrected errors")
        .expected(0_u64);
    if errors.threshold_exceeded {
        let detail = format!("{}; NVIDIA's threshold is passed", check.detail);
        return Check { detail, ..check }
            .found(errors.uncorrected_ever, "uncorrected errors ever")
            .but(
                Status::Critical,
                Severity::Isolate,
                "drain the node, run NVIDIA's field diagnostic, and have the GPU replaced",
            );
    }
    if errors.uncorrected > 0 {
        return check.but(Status::Critical, Severity::Reset, RESET);
    }
    if errors.corrected > CORRECTED_SRAM {
        return check.found(errors.corrected, "corrected errors").expected(CORRECTED_SRAM).but(
            Status::Warning,
            Severity::Monitor,
            "watch whether it grows; have the GPU inspected if it does",
        );
    }
    check
}

/// A bank without a spare row fails at its next error: a warning before that.
fn reserve(gpu: &GpuReadings) -> Check {
    let target = gpu.target();
    let Some(banks) = gpu.row_reserve.value() else {
        let what = "how many rows it has left to replace others with";
        let missing = gpu.row_reserve.missing(RESERVE, &target, what);
        return missing.unwrap_or_else(|| Check::not_applicable(RESERVE, target, "not told"));
    };
    let &RowReserve { max, high, partial, low, none } = banks;
    let detail = format!(
        "banks by spare rows left: {max} all, {high} most, {partial} some, {low} one, {none} none"
    );
    let check = Check::ok(RESERVE, target, detail).expected(0_u64);
    if none > 0 {
        return check.found(u64::from(none), "banks without spare rows").but(
            Status::Warning,
            Severity::Triage,
            "the next bad row in such a bank cannot be replaced: plan to have the GPU replaced, run NVIDIA's field diagnostic at the next drain",
        );
    }
    let check = check.found(u64::from(low), "banks with one spare row");
    if low > 0 {
        return check.but(
            Status::Warning,
            Severity::Monitor,
            "watch gpu_row_remapping; the bank is one row from its end",
        );
    }
    check
}

/// Ampere and later replace rows, earlier GPUs retire pages. NVIDIA's rules: a pending replacement does not disturb
/// running work and takes effect at the next reset; a failed one makes the GPU a candidate for replacement, after
/// its field diagnostic (<https://docs.nvidia.com/deploy/a100-gpu-mem-error-mgmt/>).
fn remapping(gpu: &GpuReadings) -> Check {
    let (Some(&failed), Some(&pending)) = (gpu.remap_failed.value(), gpu.remap_pending.value())
    else {
        return retirement(gpu);
    };
    let rows = |reading: Option<&u64>| reading.map_or_else(|| "unknown".to_owned(), u64::to_string);
    let detail = format!(
        "rows replaced: {} after uncorrected, {} after corrected errors",
        rows(gpu.rows_remapped_uncorrected.value()),
        rows(gpu.rows_remapped_corrected.value())
    );
    let check = Check::ok(REMAP, gpu.target(), detail);
    if failed > 0 {
        let detail = format!("{}; a row could not be replaced", check.detail);
        return Check { detail, ..check }.found("failed", None).but(
            Status::Critical,
            Severity::Isolate,
            "drain the node, run NVIDIA's field diagnostic, and have the GPU replaced if it fails",
        );
    }
    if pending > 0 {
        let detail = format!("{}; one waits for a reset", check.detail);
        return Check { detail, ..check }.found("pending", None).but(
            Status::Warning,
            Severity::Reset,
            "when its work is done, drain the node and reset the GPU: nvidia-smi --gpu-reset -i INDEX",
        );
    }
    check.found("none pending", None)
}

fn retirement(gpu: &GpuReadings) -> Check {
    let target = gpu.target();
    let retired = gpu.retired_pages.value().copied();
    if let Some(retired) = retired.filter(|retired| *retired >= RETIRED_PAGES) {
        return Check::ok(REMAP, target, format!("{retired} pages retired"))
            .found(retired, "pages")
            .expected(RETIRED_PAGES)
            .but(
                Status::Critical,
                Severity::Isolate,
                "drain the node and have the GPU replaced: it can retire no more pages",
            );
    }
    match gpu.retirement_pending.value() {
        Some(false) => {
            let retired =
                retired.map_or_else(String::new, |pages| format!("; {pages} are retired"));
            Check::ok(REMAP, target, format!("no page waits to be retired{retired}"))
        }
        Some(true) => Check::ok(REMAP, target, "a page waits for a reset to be retired").but(
            Status::Warning,
            Severity::Reset,
            RESET,
        ),
        None => gpu
            .remap_failed
            .missing(REMAP, &target, "the state of its row remapping")
            .or_else(|| gpu.remap_pending.missing(REMAP, &target, "pending row remappings"))
            .unwrap_or_else(|| Check::not_applicable(REMAP, target, "no row remapping")),
    }
}
