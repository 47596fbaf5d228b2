//! Clocks of a GPU against the highest that it can have.

use super::reading::GpuReadings;
use crate::{Check, Severity, Status};

const NAME: &str = "gpu_clocks";
/// Own threshold. Under load the limit on power alone may cost a third of the clock, hardly ever a half.
const LOW_PCT: u32 = 50;
/// Own threshold: a GPU that is this busy has no reason to save power.
const BUSY_PCT: u32 = 50;

pub(super) fn check(gpu: &GpuReadings) -> Check {
    let target = gpu.target();
    let (Some(&now), Some(&most)) = (gpu.sm_clock_mhz.value(), gpu.sm_clock_max_mhz.value()) else {
        return gpu
            .sm_clock_mhz
            .missing(NAME, &target, "its clocks")
            .or_else(|| gpu.sm_clock_max_mhz.missing(NAME, &target, "its highest clocks"))
            .unwrap_or_else(|| Check::not_applicable(NAME, target, "not told"));
    };
    let memory = gpu.memory_clock_mhz.value().zip(gpu.memory_clock_max_mhz.value());
    let memory =
        memory.map_or_else(String::new, |(now, most)| format!(", memory at {now} of {most}"));
    let detail = format!("SM at {now} of at most {most} MHz{memory}");
    let check = |detail| {
        Check::ok(NAME, &*target, detail).found(u64::from(now), "MHz").expected(u64::from(most))
    };
    let set = gpu.application_clock_mhz.value().copied();
    let usual = gpu.application_clock_default_mhz.value().copied();
    if let (Some(set), Some(usual)) = (set, usual)
        && set < usual
    {
        return check(format!("{detail}; set to {set} for programs instead of {usual}")).but(
            Status::Warning,
            Severity::Config,
            "somebody has lowered the application clocks; give them back with nvidia-smi -rac -i INDEX",
        );
    }
    let busy = gpu.utilization_pct.value().copied().unwrap_or(0);
    if busy >= BUSY_PCT && u64::from(now) * 100 < u64::from(most) * u64::from(LOW_PCT) {
        return check(format!("{detail} while {busy} % busy")).but(
            Status::Warning,
            Severity::Triage,
            "see the check gpu_throttle for the reason; look for locked clocks: nvidia-smi -q -d CLOCK -i INDEX",
        );
    }
    check(detail)
}
