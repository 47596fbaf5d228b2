//! NVIDIA GPUs: what the system shows of them, what NVML tells, and what that means.

mod inventory;
mod link;
mod memory;
mod mode;
mod nvml;
pub mod probe;
mod reading;
mod temperature;
mod throttle;

pub use reading::{EccMode, GpuIdentity, GpuReadings, Reading};

use crate::Check;
use crate::root::Root;
use probe::Answer;

/// Everything about GPUs: what the system shows, then what NVML answered.
pub(crate) fn check(root: &Root, answer: &Answer) -> Vec<Check> {
    let presence = inventory::Presence::find(root);
    let mut checks = inventory::check(&presence, answer);
    for gpu in &answer.gpus {
        checks.extend(check_one(gpu));
    }
    checks
}

/// Everything about one GPU, a pure function of what was read.
#[must_use]
pub fn check_one(gpu: &GpuReadings) -> Vec<Check> {
    // Of a GPU that is lost every other answer would be the same error again.
    if let Some(lost) = mode::lost(gpu) {
        return vec![lost];
    }
    let mut checks = vec![mode::recovery(gpu)];
    checks.extend(memory::check(gpu));
    checks.push(throttle::check(gpu));
    checks.extend(temperature::check(gpu));
    checks.extend(link::check(gpu));
    checks.extend([mode::persistence(gpu), mode::ecc(gpu)]);
    checks
}

#[cfg(test)]
mod tests;
