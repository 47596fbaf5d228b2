//! The processors of this machine: memory bandwidth and caches.

mod cache;
mod stream;

use std::fs;
use std::path::Path;

use rustix::thread::{CpuSet, sched_getaffinity};
use serde::Serialize;

pub use cache::Cache;
use stream::StreamOptions;

use crate::{CeilingError, Ceilings, Effort, Environment, Method, Power};

/// What is known of a processor beside its memory's rates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Processor {
    /// Logical CPUs in the affinity mask.
    pub cpus: Vec<usize>,
    /// Its caches, one row each as the kernel lists them, shared ones once. Empty where the kernel tells none.
    pub caches: Vec<Cache>,
    /// Bytes of the last-level caches that those CPUs can use, together.
    pub last_level_cache_bytes: Option<u64>,
}

/// Measures the CPUs in the affinity mask of this process. `root` is where `/sys` and `/proc` are looked for.
pub fn measure(root: &Path, effort: Effort) -> Result<Ceilings, CeilingError> {
    let mask = sched_getaffinity(None).map_err(|error| CeilingError::System {
        device: "cpu".to_owned(),
        doing: "read the affinity mask",
        remedy: "run perfagent outside of a sandbox that forbids it",
        source: error.into(),
    })?;
    let cpus: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|cpu| mask.is_set(*cpu)).collect();
    let caches = cache::read(root, &cpus);
    let last_level_cache_bytes = cache::last_level_bytes(&caches);
    let memory_bandwidth =
        stream::measure(root, &cpus, last_level_cache_bytes, &StreamOptions::of(effort))?;
    Ok(Ceilings {
        device: "cpu".to_owned(),
        name: model(root),
        method: Method::of(effort),
        environment: Environment::of_host(root),
        power: Power::unknown("perfagent reads no power meter of a processor"),
        memory_bandwidth,
        cpu: Some(Processor { cpus, caches, last_level_cache_bytes }),
        cuda: None,
    })
}

/// What `/proc/cpuinfo` calls the processor; Arm names none.
pub(crate) fn model(root: &Path) -> Option<String> {
    let text = fs::read_to_string(root.join("proc/cpuinfo")).ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, name)| name.trim().to_owned())
}
