//! For how long a GPU's clocks have been held down, by reason.

use super::Surroundings;
use super::counters::{Held, growth};
use super::reading::{GpuReadings, Reading};
use crate::{Check, Severity, Status, span};

const NAME: &str = "gpu_throttle_time";
/// Own threshold for what the hardware does to protect itself: one part in a hundred, of the moment that is looked
/// at or of the whole uptime.
const HARDWARE_PCT: f64 = 1.0;
/// Own threshold for what the driver does before that.
const SOFTWARE_PCT: f64 = 10.0;
const COOLING: &str = "have cooling inspected: fans, air flow, coolant, the GPU's heat sink";
const POWER: &str = "have power supplies and cabling of the node inspected";

type Counter = fn(&Held) -> &Reading<u64>;

/// The reasons in the order in which they weigh. The limit on power is part of normal work and has no threshold.
const REASONS: [(&str, Counter); 5] = [
    ("power brake", |held| &held.power_brake_ns),
    ("hardware thermal slowdown", |held| &held.hardware_thermal_ns),
    ("software thermal slowdown", |held| &held.software_thermal_ns),
    ("heat", |held| &held.thermal_ns),
    ("power limit", |held| &held.power_ns),
];

/// One reason: nanoseconds in all, and percent of the window between the two looks.
struct Reason {
    name: &'static str,
    total_ns: u64,
    now_pct: Option<f64>,
}

pub(super) fn check(gpu: &GpuReadings, around: &Surroundings) -> Check {
    let target = gpu.target();
    let reasons = reasons(gpu);
    if reasons.is_empty() {
        let held = &gpu.counters.held;
        let missing = held.thermal_ns.missing(NAME, &target, "how long its clocks were held down");
        return missing.unwrap_or_else(|| Check::not_applicable(NAME, target, "not told"));
    }
    let told: Vec<String> = reasons
        .iter()
        .filter(|reason| reason.total_ns > 0)
        .map(|reason| {
            let now = reason.now_pct.filter(|pct| *pct > 0.0);
            let now = now.map_or_else(String::new, |pct| format!(" ({pct:.0} % of this moment)"));
            format!("{} {}{now}", reason.name, span(reason.total_ns as f64 / 1e9))
        })
        .collect();
    let told = if told.is_empty() { "never".to_owned() } else { told.join(", ") };
    let detail = format!("clocks held down since the driver was loaded: {told}");
    let hardware_s = reasons.iter().take_while(|reason| is_hardware(reason.name));
    let hardware_s = hardware_s.map(|reason| reason.total_ns as f64 / 1e9).sum::<f64>();
    let check = Check::ok(NAME, target, detail).found(hardware_s, "s by hardware");
    judge(check, &reasons, hardware_s, around.uptime_s)
}

fn reasons(gpu: &GpuReadings) -> Vec<Reason> {
    let window_ns = gpu.later.as_ref().and_then(|later| gpu.counters.window_ms(later));
    let window_ns = window_ns.map(|ms| ms as f64 * 1e6);
    REASONS
        .iter()
        .filter_map(|(name, counter)| {
            let first = counter(&gpu.counters.held);
            let later = gpu.later.as_ref().map(|later| counter(&later.held));
            let grown = later.and_then(|later| growth(first, later));
            let now_pct = grown.zip(window_ns).map(|(grown, ns)| {
                // The driver counts in steps of its own, which may be longer than the window.
                (100.0 * grown as f64 / ns).min(100.0)
            });
            Some(Reason { name, total_ns: *first.value()?, now_pct })
        })
        .collect()
}

fn is_hardware(name: &str) -> bool {
    ["power brake", "hardware thermal slowdown"].contains(&name)
}

fn judge(check: Check, reasons: &[Reason], hardware_s: f64, uptime_s: Option<f64>) -> Check {
    let now = |name: &str| {
        let reason = reasons.iter().find(|reason| reason.name == name);
        reason.and_then(|reason| reason.now_pct).unwrap_or(0.0)
    };
    if now("power brake") >= HARDWARE_PCT {
        return check.but(Status::Critical, Severity::Triage, POWER);
    }
    if now("hardware thermal slowdown") >= HARDWARE_PCT {
        return check.but(Status::Critical, Severity::Triage, COOLING);
    }
    let often = uptime_s.is_some_and(|uptime_s| hardware_s > uptime_s * HARDWARE_PCT / 100.0);
    if often {
        let action = format!("{POWER} and its cooling, too: it happens again and again");
        return check.but(Status::Warning, Severity::Triage, action);
    }
    if now("software thermal slowdown").max(now("heat")) >= SOFTWARE_PCT {
        return check.but(Status::Warning, Severity::Monitor, COOLING);
    }
    check
}
