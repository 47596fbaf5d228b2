//! What a device can do at most: the ceilings against which a measured run is judged.
//!
//! * A processor: memory bandwidth with the four STREAM kernels on every CPU of the affinity mask, and the sizes
//!   of its caches ([`cpu`]).
//! * A CUDA device: memory bandwidth with the same four kernels, copies between host and device, launch latency
//!   ([`cuda`]). Its CUDA C++ sources lie beside the Rust files and are compiled at run time by NVRTC.
//!
//! Constraints:
//!
//! * **Nothing of CUDA is needed to build.** The driver and NVRTC are looked for when a CUDA device is asked for;
//!   what is missing is a [`CeilingError`] that says what to install.
//! * **Every number is measured here and now**, with the bytes that were counted and the repetitions beside it; the
//!   results of the kernels are checked, so that a figure never comes from work that was not done.
//! * `unsafe` stays in `cuda`: calls of the driver and of NVRTC.

mod collective;
mod comparison;
pub mod cpu;
pub mod cuda;
mod datasheet;
mod device;
mod effort;
mod environment;
mod error;
mod fit;
mod method;
mod operator;
mod pattern;
mod power;
mod product;
mod rate;
mod sample;

pub use collective::{Collective, CollectivePoint, Collectives, NCCL_TESTS_CONVENTION, OfRanks};
pub use comparison::{Compared, Comparison};
pub use datasheet::{Datasheet, DatasheetError, DatasheetSource, Datasheets, Figure};
pub use device::{Device, DeviceNameError};
pub use effort::Effort;
pub use environment::Environment;
pub use error::CeilingError;
pub use fit::Line;
pub use method::Method;
pub use operator::{OfShape, Operators, SingleThread};
pub use pattern::{MemoryLimits, MemoryTest, WrongWord, test_memory};
pub use power::{Conditions, Power};
pub use product::{OfDtype, Product, Products, Shape};
pub use rate::{Compute, Latency, MemoryBandwidth, Rate, STREAM_CONVENTION};
pub use sample::{CONFIDENCE, Interval, Samples, Stop, Stopped, sample};

use std::path::Path;

use serde::Serialize;

/// What was measured on one device.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ceilings {
    /// The device as it was asked for: `cpu`, `cuda:0`.
    pub device: String,
    /// What it calls itself.
    pub name: Option<String>,
    /// How figures were taken.
    pub method: Method,
    /// Where they were taken.
    pub environment: Environment,
    /// How power was read, if it was.
    pub power: Power,
    /// Rates of its memory.
    pub memory_bandwidth: MemoryBandwidth,
    /// What only a processor has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<cpu::Processor>,
    /// What only a CUDA device has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cuda: Option<cuda::Accelerator>,
}

/// Measures `device`. Takes the whole device meanwhile: seconds of a processor, minutes of a GPU, under a minute of
/// either with [`Effort::Quick`].
pub fn measure(device: Device, effort: Effort) -> Result<Ceilings, CeilingError> {
    match device {
        Device::Cpu => cpu::measure(Path::new("/"), effort),
        Device::Cuda(ordinal) => cuda::measure(ordinal, effort),
    }
}
