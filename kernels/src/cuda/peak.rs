//! How many fused multiply-adds the ordinary cores do, single and double precision; every result that is looked at is
//! followed on the host to the last bit.
#![expect(unsafe_code, reason = "launches kernels")]

use cudarc::driver::{CudaFunction, DeviceRepr, LaunchConfig, PushKernelArg, ValidAsZeroBits};
use serde::Serialize;

use super::bench::Bench;
use super::compiler::PEAK;
use crate::{CeilingError, Compute};

const CHAINS: u32 = 8;
const STEPS: u32 = 64;
const BLOCK: u32 = 256;
/// Each block that the device holds at once is followed by so many others.
const WAVES: u32 = 4;
/// Chains that are followed on the host.
const CHECKED: u32 = 8;

/// The peak of one precision.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Peak {
    /// `fp32` or `fp64`.
    pub dtype: &'static str,
    /// Its rate; a fused multiply-add is two operations.
    #[serde(flatten)]
    pub compute: Compute,
}

trait Number: DeviceRepr + ValidAsZeroBits + Copy + Into<f64> {
    const DTYPE: &'static str;
    const START: Self;
    const DIFFERENCE: Self;
    const C: Self;
    /// What the kernel leaves of this chain.
    fn follow(chain: u32, steps: u64) -> Self;
}

macro_rules! number {
    ($type:ty, $dtype:literal) => {
        impl Number for $type {
            const DTYPE: &'static str = $dtype;
            const START: Self = 0.1;
            const DIFFERENCE: Self = 1e-7;
            const C: Self = 1.9;
            fn follow(chain: u32, steps: u64) -> Self {
                let start = (chain as $type).mul_add(Self::DIFFERENCE, Self::START);
                (0..steps).fold(start, |x, _| x.mul_add(x, -Self::C))
            }
        }
    };
}
number!(f32, "fp32");
number!(f64, "fp64");

pub(super) fn measure(bench: &Bench) -> Result<Vec<Peak>, CeilingError> {
    let [single, double] =
        bench.gpu.functions(bench.compiler, &PEAK, ["peak_fp32", "peak_fp64"])?;
    // Double precision is up to 64 times slower.
    Ok(vec![of::<f32>(bench, &single, 128)?, of::<f64>(bench, &double, 16)?])
}

fn of<T: Number>(bench: &Bench, kernel: &CudaFunction, rounds: u32) -> Result<Peak, CeilingError> {
    let gpu = bench.gpu;
    let blocks = gpu.held(kernel, BLOCK)? * WAVES;
    let threads = blocks * BLOCK;
    let mut results = gpu
        .stream
        .alloc_zeros::<T>((threads * CHAINS) as usize)
        .map_err(gpu.refused("allocate results on the device"))?;
    let shape =
        LaunchConfig { grid_dim: (blocks, 1, 1), block_dim: (BLOCK, 1, 1), shared_mem_bytes: 0 };
    let (start, difference, c) = (T::START, T::DIFFERENCE, T::C);
    let timed = bench.on_warm_device(&bench.figure(), || {
        let mut launch = gpu.stream.launch_builder(kernel);
        launch.arg(&mut results).arg(&start).arg(&difference).arg(&c).arg(&rounds);
        // SAFETY: the arguments are those of the kernel, which writes eight results a thread.
        unsafe { launch.launch(shape) }.map(drop).map_err(gpu.refused("launch a kernel"))
    })?;
    let found = gpu.stream.clone_dtoh(&results).map_err(gpu.refused("read a result back"))?;
    gpu.stream.synchronize().map_err(gpu.refused("read a result back"))?;
    let last = threads * CHAINS - 1;
    for place in (0..CHECKED).map(|part| u64::from(last) * u64::from(part) / u64::from(CHECKED - 1))
    {
        let expected: f64 = T::follow(place as u32, u64::from(rounds * STEPS)).into();
        let found = found[place as usize].into();
        if found.to_bits() != expected.to_bits() {
            let device = gpu.device().to_owned();
            return Err(CeilingError::WrongResult { device, kernel: T::DTYPE, found, expected });
        }
    }
    let operations = 2.0 * f64::from(CHAINS * STEPS) * f64::from(rounds) * f64::from(threads);
    Ok(Peak { dtype: T::DTYPE, compute: Compute::new(operations, &timed.samples, timed.watts) })
}

#[cfg(test)]
mod tests {
    use super::Number;

    /// Chains that settled or left their range would make the arithmetic easy, or not a number.
    #[test]
    fn chains_stay_within_bounds_and_never_settle() {
        for chain in [0, 1, 2_000_000] {
            for steps in 10_000..10_050 {
                let (single, double) = (f32::follow(chain, steps), f64::follow(chain, steps));
                assert!(single.abs() <= 1.9 && double.abs() <= 1.9);
                assert!((single - f32::follow(chain, steps + 1)).abs() > 1e-6, "settled");
            }
        }
        assert_eq!(f64::follow(0, 1).to_bits(), 0.1_f64.mul_add(0.1, -1.9).to_bits());
    }
}
