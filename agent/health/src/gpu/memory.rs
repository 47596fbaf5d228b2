//! Memory errors of a GPU: ECC counters, row remapping, page retirement.

use super::reading::GpuReadings;
use crate::{Check, Severity, Status};

const ECC: &str = "gpu_ecc_errors";
const REMAP: &str = "gpu_row_remapping";
const RESET: &str = "drain the node and reset the GPU: nvidia-smi --gpu-reset -i INDEX";

pub(super) fn check(gpu: &GpuReadings) -> [Check; 2] {
    [ecc(gpu), remapping(gpu)]
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
    if uncorrected > 0 { check.but(Status::Critical, Severity::Reset, RESET) } else { check }
}

/// Ampere and later replace rows, earlier GPUs retire pages. NVIDIA's rules: a pending replacement does not disturb
/// running work and takes effect at the next reset; a failed one makes the GPU a candidate for replacement, after
/// its field diagnostic (<https://docs.nvidia.com/deploy/a100-gpu-mem-error-mgmt/>).
fn remapping(gpu: &GpuReadings) -> Check {
    let target = gpu.target();
    match (gpu.remap_failed.value(), gpu.remap_pending.value()) {
        (Some(&failed), Some(&pending)) => {
            let rows = |reading: Option<&u64>| {
                reading.map_or_else(|| "unknown".to_owned(), u64::to_string)
            };
            let detail = format!(
                "rows replaced: {} after uncorrected, {} after corrected errors",
                rows(gpu.rows_remapped_uncorrected.value()),
                rows(gpu.rows_remapped_corrected.value())
            );
            let check = Check::ok(REMAP, target, detail);
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
        _ => {
            match gpu.retirement_pending.value() {
                Some(false) => Check::ok(REMAP, target, "no page waits to be retired"),
                Some(true) => Check::ok(REMAP, target, "a page waits for a reset to be retired")
                    .but(Status::Warning, Severity::Reset, RESET),
                None => gpu
                    .remap_failed
                    .missing(REMAP, &target, "the state of its row remapping")
                    .or_else(|| gpu.remap_pending.missing(REMAP, &target, "pending row remappings"))
                    .unwrap_or_else(|| Check::not_applicable(REMAP, target, "no row remapping")),
            }
        }
    }
}
