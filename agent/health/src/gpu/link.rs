//! The PCI Express link of a GPU.

use super::Surroundings;
use super::counters::growth;
use super::reading::GpuReadings;
use crate::{Check, Severity, Status};

const REPLAYS: &str = "gpu_pcie_replays";
/// DCGM's threshold of repeated transfers a minute.
const REPLAYS_A_MINUTE: f64 = 8.0;
const WIDTH: &str = "gpu_pcie_width";
const GENERATION: &str = "gpu_pcie_generation";
const INSPECT: &str =
    "have the seating of the board and its riser inspected; compare with lspci -vv -d 10de:";

pub(super) fn check(gpu: &GpuReadings, around: &Surroundings) -> [Check; 3] {
    [width(gpu), generation(gpu), replays(gpu, around.uptime_s)]
}

/// By what was counted since the last reset over the uptime, which is at least as long, and by what comes now.
fn replays(gpu: &GpuReadings, uptime_s: Option<f64>) -> Check {
    let target = gpu.target();
    let first = &gpu.counters.pcie_replays;
    let Some(&total) = first.value() else {
        let missing = first.missing(REPLAYS, &target, "repeated transfers");
        return missing.unwrap_or_else(|| Check::not_applicable(REPLAYS, target, "not told"));
    };
    let now = gpu.later.as_ref().and_then(|later| {
        let minutes = gpu.counters.window_ms(later)? as f64 / 60_000.0;
        Some(growth(first, &later.pcie_replays)? as f64 / minutes)
    });
    let now = now.unwrap_or(0.0);
    let usual = uptime_s.map_or(0.0, |seconds| total as f64 / (seconds / 60.0).max(1.0));
    let detail = match now {
        now if now > 0.0 => format!("{total} replays, {now:.0} a minute now"),
        _ => format!("{total} replays"),
    };
    let check = Check::ok(REPLAYS, target, detail).found(total, "replays");
    if usual > REPLAYS_A_MINUTE {
        let detail = format!("{}, {usual:.0} a minute since the boot", check.detail);
        return Check { detail, ..check }.but(Status::Warning, Severity::Triage, INSPECT);
    }
    if now > REPLAYS_A_MINUTE {
        return check.but(Status::Warning, Severity::Monitor, INSPECT);
    }
    check
}

fn width(gpu: &GpuReadings) -> Check {
    let target = gpu.target();
    let (Some(&now), Some(&most)) = (gpu.pcie_width.value(), gpu.pcie_width_max.value()) else {
        return gpu
            .pcie_width
            .missing(WIDTH, &target, "the width of its PCI Express link")
            .or_else(|| gpu.pcie_width_max.missing(WIDTH, &target, "the widest link it can have"))
            .unwrap_or_else(|| Check::not_applicable(WIDTH, target, "no PCI Express link"));
    };
    let detail = format!("{now} of {most} lanes");
    let check =
        Check::ok(WIDTH, target, detail).found(u64::from(now), "lanes").expected(u64::from(most));
    if now < most { check.but(Status::Warning, Severity::Triage, INSPECT) } else { check }
}

/// An idle link slows down to save power, so a low generation means something under load only.
fn generation(gpu: &GpuReadings) -> Check {
    let target = gpu.target();
    let (Some(&now), Some(&most)) = (gpu.pcie_generation.value(), gpu.pcie_generation_max.value())
    else {
        return gpu
            .pcie_generation
            .missing(GENERATION, &target, "the speed of its PCI Express link")
            .or_else(|| {
                gpu.pcie_generation_max.missing(GENERATION, &target, "the fastest link it can have")
            })
            .unwrap_or_else(|| Check::not_applicable(GENERATION, target, "no PCI Express link"));
    };
    let with_values =
        |check: Check| check.found(u64::from(now), "generation").expected(u64::from(most));
    // The slot may be older than the GPU: told, as all GPUs of the node share it by design or none does.
    let slot = gpu.pcie_generation_gpu.value().filter(|own| **own > most);
    let slot =
        slot.map_or_else(String::new, |own| format!(", of which the GPU alone could do {own}"));
    let detail = format!("generation {now} of {most}{slot}");
    if now >= most {
        return with_values(Check::ok(GENERATION, target, detail));
    }
    match gpu.utilization_pct.value() {
        Some(&busy) if busy > 0 => with_values(Check::ok(
            GENERATION,
            target,
            format!("{detail} under load"),
        ))
        .but(Status::Warning, Severity::Triage, INSPECT),
        _ => with_values(Check::not_applicable(
            GENERATION,
            target,
            format!("{detail} while idle; what it reaches shows under load only"),
        )),
    }
}
