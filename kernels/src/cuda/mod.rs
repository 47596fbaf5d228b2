//! A CUDA device: bandwidth of its memory and caches, copies, launches, arithmetic, products of matrices, collectives.

mod bandwidth;
mod bench;
mod cache;
mod collective;
mod compiler;
mod copy;
mod driver;
mod launch;
mod library;
mod link;
mod meter;
mod nccl;
mod pattern;
mod peak;
mod peer;
mod product;
mod stream;

use std::path::Path;

use serde::Serialize;

pub use bandwidth::{BySize, Curve, Point as CurvePoint};
pub use compiler::{Compiler, SOURCES, Source};
pub use link::{Flight, Link, LinkId};
pub use nccl::{Call, Element};
pub use pattern::test_memory;
pub use peak::Peak;
pub use peer::{Peer, Peers};

use crate::{
    CeilingError, Ceilings, Collectives, Effort, Environment, Latency, Method, Products, Rate,
};
use bench::Bench;
use driver::Gpu;
use meter::Meter;

/// What is known of a CUDA device beside its memory's rates.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Accelerator {
    /// Compute capability, such as `9.0`.
    pub compute_capability: String,
    /// Streaming multiprocessors.
    pub multiprocessors: i32,
    /// Device memory.
    pub total_bytes: u64,
    /// Its second-level cache.
    pub l2_cache_bytes: u64,
    /// The CUDA version that the driver speaks, such as `13.0`.
    pub driver_cuda_version: String,
    /// The version of the run-time compiler.
    pub nvrtc_version: String,
    /// Rates over working sets, from those in the second-level cache to those in memory.
    pub bandwidth_by_size: BySize,
    /// Copies through page-locked host memory: `host_to_device`, `device_to_host`.
    pub copies: Vec<Rate>,
    /// Copies through ordinary host memory: `host_to_device`, `device_to_host`.
    pub pageable_copies: Vec<Rate>,
    /// Copies to and from other devices.
    pub peer_copies: Peers,
    /// Launches of a kernel that does nothing: `launch_call`, `launch_and_wait`, `launch_in_a_row` (each of a thousand),
    /// `graph_launch_call`, `graph_node` (each of a graph of a thousand).
    pub launch: Vec<Latency>,
    /// Fused multiply-adds of the ordinary cores: `fp32`, `fp64`.
    pub multiply_add: Vec<Peak>,
    /// Products of matrices.
    pub matrix_products: Products,
    /// Collectives between the GPUs of this machine.
    pub collectives: Collectives,
}

/// Measures the device of this number. Refused without a driver, such a device, or NVRTC.
pub fn measure(ordinal: u32, effort: Effort) -> Result<Ceilings, CeilingError> {
    let gpu = Gpu::open(ordinal)?;
    let compiler = Compiler::find()?;
    let properties = gpu.properties()?;
    let meter = Meter::start(&properties.uuid);
    let bench = Bench { gpu: &gpu, compiler: &compiler, meter: &meter, effort };
    let memory_bandwidth = stream::measure(&bench)?;
    let bandwidth_by_size = bandwidth::measure(&bench, properties.l2_cache_bytes)?;
    let multiply_add = peak::measure(&bench)?;
    let matrix_products = product::measure(&bench)?;
    let power = meter.power();
    let copies = copy::pinned(&bench)?;
    let pageable_copies = copy::pageable(&bench)?;
    let launch = launch::measure(&bench)?;
    let peer_copies = peer::measure(&bench, ordinal)?;
    let collectives = collective::measure(&bench)?;
    let (major, minor) = properties.capability;
    let identity = meter.identity();
    Ok(Ceilings {
        device: gpu.device().to_owned(),
        name: Some(properties.name),
        method: Method::of(effort),
        environment: Environment {
            driver_version: identity.driver_version.clone(),
            gpu_uuid: Some(properties.uuid),
            most_sm_clock_mhz: identity.most_sm_clock_mhz,
            most_memory_clock_mhz: identity.most_memory_clock_mhz,
            power_limit_watts: identity.power_limit_watts,
            ..Environment::of_host(Path::new("/"))
        },
        power,
        memory_bandwidth,
        cpu: None,
        cuda: Some(Accelerator {
            compute_capability: format!("{major}.{minor}"),
            multiprocessors: properties.multiprocessors,
            total_bytes: properties.total_bytes,
            l2_cache_bytes: properties.l2_cache_bytes,
            driver_cuda_version: properties.driver_cuda_version,
            nvrtc_version: compiler.version().to_owned(),
            bandwidth_by_size,
            copies,
            pageable_copies,
            peer_copies,
            launch,
            multiply_add,
            matrix_products,
            collectives,
        }),
    })
}
