//! The PCI Express link of a GPU.

use super::reading::GpuReadings;
use crate::{Check, Severity, Status};

const WIDTH: &str = "gpu_pcie_width";
const GENERATION: &str = "gpu_pcie_generation";
const INSPECT: &str =
    "have the seating of the board and its riser inspected; compare with lspci -vv -d 10de:";

pub(super) fn check(gpu: &GpuReadings) -> [Check; 2] {
    [width(gpu), generation(gpu)]
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
    let replays = gpu.pcie_replays.value();
    let replays = replays.map_or_else(|| "unknown".to_owned(), u64::to_string);
    let detail = format!("{now} of {most} lanes, {replays} replays");
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
    let detail = format!("generation {now} of {most}");
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
