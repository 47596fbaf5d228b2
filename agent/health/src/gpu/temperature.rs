//! Temperatures of a GPU and its memory, against the limits that it states itself.

use super::reading::{GpuReadings, Reading};
use crate::{Check, Severity, Status};

/// Own threshold: closer to the limit than this, a warmer inlet is enough to slow the GPU down.
const NARROW_C: i64 = 5;
const COOLING: &str = "have cooling inspected: fans, air flow, coolant, the GPU's heat sink";

const MARGIN: &str = "gpu_temperature_margin";

pub(super) fn check(gpu: &GpuReadings) -> [Check; 3] {
    let target = gpu.target();
    [
        margin(gpu),
        judge("gpu_temperature", &target, "GPU", &gpu.temperature_c, &gpu.slowdown_c),
        judge(
            "gpu_memory_temperature",
            &target,
            "memory",
            &gpu.memory_temperature_c,
            &gpu.memory_max_c,
        ),
    ]
}

/// The distance to the highest operating temperature, which newer GPUs tell instead of absolute limits; it covers the
/// hottest spot of the chip and its memory.
fn margin(gpu: &GpuReadings) -> Check {
    let target = gpu.target();
    let Some(&left) = gpu.margin_c.value() else {
        let missing = gpu.margin_c.missing(MARGIN, &target, "its margin of temperature");
        return missing.unwrap_or_else(|| Check::not_applicable(MARGIN, target, "not told"));
    };
    let slowdown = gpu.slowdown_margin_c.value().copied().unwrap_or(0);
    let detail = format!("{left} °C below its highest operating temperature");
    let check =
        Check::ok(MARGIN, target, detail).found(left as f64, "°C").expected(slowdown as f64);
    if left <= slowdown {
        let detail = format!(
            "{left} °C left to its highest operating temperature, slows down at {slowdown}"
        );
        Check { detail, ..check }.but(Status::Critical, Severity::Triage, COOLING)
    } else if left < NARROW_C {
        check.but(Status::Warning, Severity::Monitor, COOLING)
    } else {
        check
    }
}

fn judge(
    name: &'static str,
    target: &str,
    what: &str,
    now: &Reading<u32>,
    limit: &Reading<u32>,
) -> Check {
    let Some(&now) = now.value() else {
        let missing = now.missing(name, target, &format!("the temperature of its {what}"));
        return missing.unwrap_or_else(|| Check::not_applicable(name, target, "no sensor"));
    };
    let Some(&limit) = limit.value().filter(|limit| **limit > 0) else {
        let detail = format!("{what} at {now} °C, but its limit is not told");
        return Check::not_applicable(name, target, detail).found(u64::from(now), "°C");
    };
    let margin = i64::from(limit) - i64::from(now);
    let check = Check::ok(name, target, format!("{what} at {now} °C, {margin} below its limit"))
        .found(u64::from(now), "°C")
        .expected(u64::from(limit));
    if margin <= 0 {
        let detail = format!("{what} at {now} °C, its limit is {limit}");
        Check { detail, ..check }.but(Status::Critical, Severity::Triage, COOLING)
    } else if margin < NARROW_C {
        check.but(Status::Warning, Severity::Monitor, COOLING)
    } else {
        check
    }
}
