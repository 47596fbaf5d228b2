//! NVIDIA GPUs: what the system shows of them, what NVML tells, and what that means.

mod clocks;
mod counters;
mod fabric;
pub(crate) mod fabric_manager;
mod inventory;
mod link;
mod memory;
mod mode;
mod nvlink;
mod nvml;
pub mod probe;
mod process;
mod reading;
mod temperature;
mod throttle;
mod throttle_time;
mod uniformity;

use std::collections::BTreeMap;

pub use counters::{Counters, Held};
pub use fabric::Fabric;
pub use memory::{RowReserve, SramErrors};
pub use nvlink::{Link, LinkErrors};
pub use process::GpuProcess;
pub use reading::{GpuIdentity, GpuReadings, Mode, Reading};

use crate::root::Root;
use crate::{Check, Expectation};
use probe::Answer;

/// What is known of the node around a GPU.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Seconds since the kernel started.
    pub uptime_s: Option<f64>,
    /// Links that a GPU should have, where somebody has said so.
    pub expected_links: Option<u64>,
    /// Whether there is no other GPU.
    pub is_only_gpu: bool,
    /// The most links that a GPU of each name has up.
    links_by_name: BTreeMap<String, u64>,
}

impl Surroundings {
    fn new(root: &Root, gpus: &[GpuReadings], expected_links: Option<u64>) -> Self {
        let mut links_by_name = BTreeMap::new();
        for gpu in gpus {
            let most: &mut u64 = links_by_name.entry(name(gpu)).or_default();
            *most = nvlink::active(gpu).max(*most);
        }
        Self {
            uptime_s: root.uptime_s(),
            expected_links,
            is_only_gpu: gpus.len() == 1,
            links_by_name,
        }
    }

    /// The most links that any GPU of the same name has up.
    fn most_links(&self, gpu: &GpuReadings) -> u64 {
        self.links_by_name.get(&name(gpu)).copied().unwrap_or_else(|| nvlink::active(gpu))
    }
}

fn name(gpu: &GpuReadings) -> String {
    gpu.identity.name.clone().unwrap_or_default()
}

/// Everything about GPUs: what the system shows, then what NVML answered.
pub(crate) fn check(root: &Root, answer: &Answer, expected: &Expectation) -> Vec<Check> {
    let presence = inventory::Presence::find(root);
    let mut checks = inventory::check(&presence, answer, expected);
    checks.extend(uniformity::check(&answer.gpus));
    let around = Surroundings::new(root, &answer.gpus, expected.nvlinks);
    let sees_all = root.sees_all_processes();
    checks.extend(mode::unread(answer));
    for gpu in &answer.gpus {
        checks.extend(check_one(gpu, &around));
        if gpu.handle.value().is_some() {
            checks.push(process::check(root, gpu, sees_all));
        }
    }
    checks
}

/// Everything about one GPU that follows from what was read of it, a pure function.
#[must_use]
pub fn check_one(gpu: &GpuReadings, around: &Surroundings) -> Vec<Check> {
    // Of a GPU that is lost every other answer would be the same error again.
    if let Some(lost) = mode::lost(gpu) {
        return vec![lost];
    }
    let mut checks = vec![mode::recovery(gpu)];
    checks.extend(memory::check(gpu));
    checks.push(throttle::check(gpu));
    checks.push(throttle_time::check(gpu, around));
    checks.extend(temperature::check(gpu));
    checks.push(clocks::check(gpu));
    checks.extend(link::check(gpu, around));
    checks.extend(nvlink::check(gpu, around));
    checks.push(fabric::check(gpu, around));
    checks.extend([mode::persistence(gpu), mode::ecc(gpu), mode::mig(gpu), mode::compute(gpu)]);
    checks
}

#[cfg(test)]
mod tests;
