//! Why a GPU's clocks are held down at this moment.

use super::reading::GpuReadings;
use crate::{Check, Severity, Status};

const NAME: &str = "gpu_throttle";

/// NVML's bits (`nvmlClocksEventReasons`), those that name a fault first.
const REASONS: [(u64, &str); 9] = [
    (0x40, "hardware thermal slowdown"),
    (0x80, "power brake"),
    (0x8, "hardware slowdown"),
    (0x20, "software thermal slowdown"),
    (0x4, "power cap"),
    (0x10, "sync boost"),
    (0x2, "application clocks"),
    (0x100, "display clocks"),
    (0x1, "idle"),
];

pub(super) fn check(gpu: &GpuReadings) -> Check {
    let target = gpu.target();
    let Some(&bits) = gpu.throttle_reasons.value() else {
        let missing = gpu.throttle_reasons.missing(NAME, &target, "why its clocks are low");
        return missing.unwrap_or_else(|| Check::not_applicable(NAME, target, "no reasons"));
    };
    let mut named: Vec<&str> =
        REASONS.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| *name).collect();
    if named.is_empty() {
        named.push("none");
    }
    let reasons = named.join(", ");
    let check = Check::ok(NAME, target, format!("reasons for low clocks: {reasons}"))
        .found(reasons.as_str(), None);
    if bits & 0x80 != 0 {
        let action = "have power supplies and cabling of the node inspected";
        check.but(Status::Critical, Severity::Triage, action)
    } else if bits & 0x40 != 0 {
        let action = "have cooling inspected: fans, air flow, coolant, the GPU's heat sink";
        check.but(Status::Critical, Severity::Triage, action)
    } else if bits & 0x28 != 0 {
        // One look cannot tell a moment from a state: a change of clocks alone shows as hardware slowdown.
        let action = "look again under load: nvidia-smi -q -d PERFORMANCE; inspect cooling and power if it stays";
        check.but(Status::Warning, Severity::Monitor, action)
    } else {
        check
    }
}
