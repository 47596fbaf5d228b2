//! Memory bandwidth of the device: the four STREAM kernels, timed by events around each launch.
#![expect(unsafe_code, reason = "launches kernels")]

use cudarc::driver::{CudaFunction, CudaSlice, LaunchConfig, PushKernelArg as _};

use super::bench::Bench;
use super::compiler::STREAM;
use super::driver::{Gpu, memory};
use crate::CeilingError;
use crate::rate::{MemoryBandwidth, STREAM_CONVENTION};

const SCALAR: f64 = 3.0;
/// Beyond every second-level cache; less only where memory is short.
const ARRAY_BYTES: usize = 1 << 30;
const BLOCK: u32 = 256;
/// Numbers of each array that are compared in the end.
const CHECKED: usize = 4096;

struct Arrays {
    a: CudaSlice<f64>,
    b: CudaSlice<f64>,
    c: CudaSlice<f64>,
    /// Length in pairs of numbers.
    pairs: u64,
}

pub(super) fn measure(bench: &Bench) -> Result<MemoryBandwidth, CeilingError> {
    let gpu = bench.gpu;
    let [copy, scale, add, triad, fill] = gpu.functions(
        bench.compiler,
        &STREAM,
        ["stream_copy", "stream_scale", "stream_add", "stream_triad", "stream_fill"],
    )?;
    let (free, _) = memory(gpu)?;
    let array_bytes = ARRAY_BYTES.min(free / 4) / (2 * size_of::<f64>()) * (2 * size_of::<f64>());
    let mut arrays = Arrays::new(gpu, array_bytes / size_of::<f64>())?;
    for (array, value) in [(&mut arrays.a, 1.0), (&mut arrays.b, 2.0), (&mut arrays.c, 0.0)] {
        let pairs = arrays.pairs;
        let mut launch = gpu.stream.launch_builder(&fill);
        launch.arg(array).arg(&value).arg(&pairs);
        // SAFETY: the arguments are those of `stream_fill`, which writes `pairs` pairs of the array.
        unsafe { launch.launch(grid(pairs)) }.map_err(gpu.refused("launch a kernel"))?;
    }
    let stop = bench.figure();
    let bytes = array_bytes as u64;
    // Each kernel leaves the same result however often it is repeated, as none changes what it reads.
    let kernels = vec![
        bench.on_device(&stop, || arrays.copy(gpu, &copy))?.rate("copy", 2 * bytes),
        bench.on_device(&stop, || arrays.scale(gpu, &scale))?.rate("scale", 2 * bytes),
        bench.on_device(&stop, || arrays.add(gpu, &add))?.rate("add", 3 * bytes),
        bench.on_device(&stop, || arrays.triad(gpu, &triad))?.rate("triad", 3 * bytes),
    ];
    arrays.check(gpu)?;
    Ok(MemoryBandwidth {
        convention: STREAM_CONVENTION,
        array_bytes: bytes,
        threads: None,
        kernels,
    })
}

impl Arrays {
    fn new(gpu: &Gpu, length: usize) -> Result<Self, CeilingError> {
        let array = || {
            gpu.stream.alloc_zeros(length).map_err(gpu.refused("allocate an array on the device"))
        };
        Ok(Self { a: array()?, b: array()?, c: array()?, pairs: (length / 2) as u64 })
    }

    fn copy(&mut self, gpu: &Gpu, kernel: &CudaFunction) -> Result<(), CeilingError> {
        let Self { a, c, pairs, .. } = self;
        let mut launch = gpu.stream.launch_builder(kernel);
        launch.arg(&*a).arg(c).arg(&*pairs);
        // SAFETY: the arguments are those of `stream_copy`; both arrays hold `pairs` pairs.
        unsafe { launch.launch(grid(*pairs)) }.map(drop).map_err(gpu.refused("launch a kernel"))
    }

    fn scale(&mut self, gpu: &Gpu, kernel: &CudaFunction) -> Result<(), CeilingError> {
        let Self { b, c, pairs, .. } = self;
        let mut launch = gpu.stream.launch_builder(kernel);
        launch.arg(&*c).arg(b).arg(&SCALAR).arg(&*pairs);
        // SAFETY: the arguments are those of `stream_scale`; both arrays hold `pairs` pairs.
        unsafe { launch.launch(grid(*pairs)) }.map(drop).map_err(gpu.refused("launch a kernel"))
    }

    fn add(&mut self, gpu: &Gpu, kernel: &CudaFunction) -> Result<(), CeilingError> {
        let Self { a, b, c, pairs } = self;
        let mut launch = gpu.stream.launch_builder(kernel);
        launch.arg(&*a).arg(&*b).arg(c).arg(&*pairs);
        // SAFETY: the arguments are those of `stream_add`; the three arrays hold `pairs` pairs.
        unsafe { launch.launch(grid(*pairs)) }.map(drop).map_err(gpu.refused("launch a kernel"))
    }

    fn triad(&mut self, gpu: &Gpu, kernel: &CudaFunction) -> Result<(), CeilingError> {
        let Self { a, b, c, pairs } = self;
        let mut launch = gpu.stream.launch_builder(kernel);
        launch.arg(&*b).arg(&*c).arg(a).arg(&SCALAR).arg(&*pairs);
        // SAFETY: the arguments are those of `stream_triad`; the three arrays hold `pairs` pairs.
        unsafe { launch.launch(grid(*pairs)) }.map(drop).map_err(gpu.refused("launch a kernel"))
    }

    /// Compares the ends of the arrays with what one round of the four kernels makes of 1, 2 and 0.
    fn check(&self, gpu: &Gpu) -> Result<(), CeilingError> {
        let (b, c) = (SCALAR, 1.0 + SCALAR);
        let a = b + SCALAR * c;
        for (kernel, array, expected) in
            [("triad", &self.a, a), ("scale", &self.b, b), ("add", &self.c, c)]
        {
            let length = self.pairs as usize * 2;
            for part in [0..CHECKED.min(length), length - CHECKED.min(length)..length] {
                let values = gpu
                    .stream
                    .clone_dtoh(&array.slice(part))
                    .map_err(gpu.refused("read a result back"))?;
                gpu.stream.synchronize().map_err(gpu.refused("read a result back"))?;
                let far = |value: &&f64| ((*value - expected) / expected).abs() > 1e-12;
                if let Some(&found) = values.iter().find(far) {
                    let device = gpu.device().to_owned();
                    return Err(CeilingError::WrongResult { device, kernel, found, expected });
                }
            }
        }
        Ok(())
    }
}

/// One thread a pair.
fn grid(pairs: u64) -> LaunchConfig {
    let blocks = pairs.div_ceil(u64::from(BLOCK)).clamp(1, (1 << 31) - 1) as u32;
    LaunchConfig { grid_dim: (blocks, 1, 1), block_dim: (BLOCK, 1, 1), shared_mem_bytes: 0 }
}
