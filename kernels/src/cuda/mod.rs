//! A CUDA device: memory bandwidth, copies between host and device, launch latency.

mod compiler;
mod copy;
mod driver;
mod launch;
mod stream;

use serde::Serialize;

pub use compiler::{Compiler, SOURCES, Source};

use crate::{CeilingError, Ceilings, Latency, Rate};
use driver::Gpu;

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
    /// Copies through page-locked host memory: `host_to_device`, `device_to_host`.
    pub copies: Vec<Rate>,
    /// Launches of a kernel that does nothing: `launch_call`, `launch_and_wait`.
    pub launch: Vec<Latency>,
}

/// Measures the device of this number. Refused without a driver, such a device, or NVRTC.
pub fn measure(ordinal: u32) -> Result<Ceilings, CeilingError> {
    let gpu = Gpu::open(ordinal)?;
    let compiler = Compiler::find()?;
    let memory_bandwidth = stream::measure(&gpu, &compiler)?;
    let copies = copy::measure(&gpu)?;
    let launch = launch::measure(&gpu, &compiler)?;
    let properties = gpu.properties()?;
    Ok(Ceilings {
        device: gpu.device().to_owned(),
        name: Some(properties.name),
        memory_bandwidth,
        cpu: None,
        cuda: Some(Accelerator {
            compute_capability: properties.compute_capability,
            multiprocessors: properties.multiprocessors,
            total_bytes: properties.total_bytes,
            l2_cache_bytes: properties.l2_cache_bytes,
            driver_cuda_version: properties.driver_cuda_version,
            nvrtc_version: compiler.version().to_owned(),
            copies,
            launch,
        }),
    })
}
