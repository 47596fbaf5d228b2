//! The processors of this machine: memory bandwidth and caches. Matrix products and collectives are libtorch's, which is
//! not linked here: [`Torch`] is the form in which the one program that links it tells them.

mod cache;
mod memory;
mod stream;
mod torch;

use std::fs;
use std::path::Path;

use rustix::thread::{CpuSet, sched_getaffinity};
use serde::Serialize;

pub use cache::Cache;
pub(crate) use memory::Memory;
use stream::StreamOptions;
pub use torch::{SCHEMA as TORCH_SCHEMA, Torch};

use crate::{
    CeilingError, Ceilings, Collectives, Effort, Environment, Method, NCCL_TESTS_CONVENTION,
    Operators, Power, Products, SingleThread,
};

const WITHOUT_TORCH: &str = "libtorch was not asked";

/// What is known of a processor beside its memory's rates.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Processor {
    /// Logical CPUs in the affinity mask.
    pub cpus: Vec<usize>,
    /// Its caches, one row each as the kernel lists them, shared ones once. Empty where the kernel tells none.
    pub caches: Vec<Cache>,
    /// Bytes of the last-level caches that those CPUs can use, together.
    pub last_level_cache_bytes: Option<u64>,
    /// Products of matrices.
    pub matrix_products: Products,
    /// What training is made of beside products.
    pub operators: Operators,
    /// Products and operators of one thread, where more were measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub single_thread: Option<SingleThread>,
    /// Collectives between processes of this machine.
    pub collectives: Collectives,
}

impl Processor {
    /// Takes over what libtorch has been measured to do, or why it was not.
    pub fn set_torch(&mut self, measured: Result<Torch, String>) {
        match measured {
            Ok(Torch { matrix_products, operators, single_thread, collectives, .. }) => {
                self.matrix_products = matrix_products;
                self.operators = operators;
                self.single_thread = single_thread;
                self.collectives = collectives;
            }
            Err(reason) => {
                self.matrix_products = Products::none(torch::PRODUCTS_CONVENTION, reason.clone());
                self.operators = Operators::none(torch::OPERATORS_CONVENTION, reason.clone());
                self.collectives = Collectives::none(NCCL_TESTS_CONVENTION, reason);
            }
        }
    }
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
        cpu: Some(Processor {
            cpus,
            caches,
            last_level_cache_bytes,
            matrix_products: Products::none(torch::PRODUCTS_CONVENTION, WITHOUT_TORCH.to_owned()),
            operators: Operators::none(torch::OPERATORS_CONVENTION, WITHOUT_TORCH.to_owned()),
            single_thread: None,
            collectives: Collectives::none(NCCL_TESTS_CONVENTION, WITHOUT_TORCH.to_owned()),
        }),
        cuda: None,
    })
}

/// What `/proc/cpuinfo` calls the processor; Arm names none.
pub(crate) fn model(root: &Path) -> Option<String> {
    let text = fs::read_to_string(root.join("proc/cpuinfo")).ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, name)| name.trim().to_owned())
}
