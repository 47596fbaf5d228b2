//! Products of matrices through cuBLASLt, in each format over a grid of shapes: the highest rate, and the curves that
//! show how shape decides it.
#![expect(unsafe_code, reason = "launches kernels")]

mod check;
mod dtype;
mod lt;
mod shape;

use std::borrow::Cow;
use std::time::{Duration, Instant};

use super::bench::Bench;
use super::compiler::RANDOM;
use super::driver::memory;
use crate::sample::Stop;
use crate::{CeilingError, Compute, OfDtype, Product, Products, Shape};
use cudarc::driver::{CudaSlice, DevicePtr as _, LaunchConfig, PushKernelArg as _};
use dtype::Dtype;
use lt::{Lt, Matrices};

const CONVENTION: &str = "2 m n k operations; factors of random numbers of the standard normal distribution, the first one transposed (both are read along k), sums in fp32; products follow each other at once, so small matrices stay in the second-level cache";
/// A repetition lasts so long at least: shorter ones would measure the events around them.
const LEAST_REPETITION: Duration = Duration::from_micros(300);
const MOST_IN_A_ROW: u32 = 64;

pub(super) fn measure(bench: &Bench) -> Result<Products, CeilingError> {
    if let Err(reason) = lt::find() {
        return Ok(Products::none(CONVENTION, reason));
    }
    let lt = Lt::start(bench.gpu)?;
    let capability = bench.gpu.properties()?.capability;
    let mut dtypes = Vec::new();
    for dtype in Dtype::ALL {
        let mut row = OfDtype {
            dtype: dtype.name().into(),
            output: dtype.output().name().into(),
            reason: dtype.missing(capability),
            best: None,
            sustained: None,
            shapes: Vec::new(),
            left_out: 0,
        };
        if row.reason.is_none() {
            of(bench, &lt, dtype, &mut row)?;
        }
        dtypes.push(row);
    }
    Ok(Products {
        convention: CONVENTION.into(),
        threads: None,
        library: Some(format!("cuBLASLt {}", Lt::version())),
        reason: None,
        dtypes,
    })
}

fn of(bench: &Bench, lt: &Lt, dtype: Dtype, row: &mut OfDtype) -> Result<(), CeilingError> {
    let (free, _) = memory(bench.gpu)?;
    let shapes = shape::grid(dtype, free as u64 / 2, bench.effort);
    let mut largest = [0; 3];
    for (_, shape) in &shapes {
        for (largest, bytes) in largest.iter_mut().zip(shape::bytes(*shape, dtype)) {
            *largest = bytes.max(*largest);
        }
    }
    let a = random(bench, dtype, largest[0], 1)?;
    let b = random(bench, dtype, largest[1], 2)?;
    let d = allocate(bench, largest[2])?;
    let stream = &bench.gpu.stream;
    let ((a, _a), (b, _b), (d, _d)) =
        (a.device_ptr(stream), b.device_ptr(stream), d.device_ptr(stream));
    let matrices = Matrices { a, b, d };
    let end = Instant::now() + Duration::from_secs(bench.effort.choose(120, 4));
    for (sweep, shape) in shapes {
        // Those that give the highest rate come first.
        if Instant::now() >= end && row.best.is_some() {
            row.left_out += 1;
            continue;
        }
        match one(bench, lt, dtype, (sweep.into(), shape), matrices, &bench.point())? {
            Some(product) => row.shapes.push(product),
            None => row.left_out += 1,
        }
        row.best = Product::fastest(&row.shapes).cloned();
    }
    match &row.best {
        Some(best) => {
            let seconds = bench.effort.choose(3.0, 0.4);
            let stop = Stop { least: 8, most: usize::MAX, seconds, within: -1.0 };
            let (sweep, shape) = (best.sweep.clone(), best.shape);
            row.sustained = one(bench, lt, dtype, (sweep, shape), matrices, &stop)?;
        }
        None => row.reason = Some("cuBLASLt has no algorithm for it on this device".to_owned()),
    }
    Ok(())
}

/// Measures one product; `None` where there is no algorithm for it.
fn one(
    bench: &Bench,
    lt: &Lt,
    dtype: Dtype,
    (sweep, shape): (Cow<'static, str>, Shape),
    matrices: Matrices,
    stop: &Stop,
) -> Result<Option<Product>, CeilingError> {
    let Some(plan) = lt.plan(dtype, shape)? else { return Ok(None) };
    // SAFETY: the matrices are as large as the largest shape of the grid needs, in this format.
    let multiply = || unsafe { plan.multiply(matrices) };
    let once = Stop { least: 1, most: 1, ..*stop };
    let first = bench.on_device(&once, multiply)?;
    check::check(bench.gpu, dtype, shape, matrices)?;
    let taken = first.samples.times.first().copied().unwrap_or_default();
    let in_a_row = in_a_row(taken);
    let timed = bench.on_device(stop, || (0..in_a_row).try_for_each(|_| multiply()))?;
    let operations = shape.operations() * f64::from(in_a_row);
    let compute = Compute::new(operations, &timed.samples, timed.watts);
    Ok(Some(Product { sweep, shape, in_a_row, compute }))
}

/// How many products make a repetition long enough.
fn in_a_row(one: Duration) -> u32 {
    let nanos = one.as_nanos().max(1);
    LEAST_REPETITION.as_nanos().div_ceil(nanos).clamp(1, u128::from(MOST_IN_A_ROW)) as u32
}

fn allocate(bench: &Bench, bytes: u64) -> Result<CudaSlice<u8>, CeilingError> {
    let gpu = bench.gpu;
    gpu.stream.alloc_zeros(bytes as usize).map_err(gpu.refused("allocate a matrix on the device"))
}

fn random(
    bench: &Bench,
    dtype: Dtype,
    bytes: u64,
    seed: u64,
) -> Result<CudaSlice<u8>, CeilingError> {
    let gpu = bench.gpu;
    let mut matrix = allocate(bench, bytes)?;
    let length = bytes / dtype.bytes();
    let [fill] = gpu.functions(bench.compiler, &RANDOM, [dtype.filler()])?;
    let shape =
        LaunchConfig { grid_dim: (4096, 1, 1), block_dim: (256, 1, 1), shared_mem_bytes: 0 };
    let mut launch = gpu.stream.launch_builder(&fill);
    launch.arg(&mut matrix).arg(&length).arg(&seed);
    // SAFETY: the arguments are those of the kernel, which writes `length` numbers of this format.
    unsafe { launch.launch(shape) }.map_err(gpu.refused("launch a kernel"))?;
    Ok(matrix)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::in_a_row;

    #[test]
    fn short_products_are_repeated() {
        assert_eq!(in_a_row(Duration::ZERO), 64);
        assert_eq!(in_a_row(Duration::from_micros(7)), 43);
        assert_eq!(in_a_row(Duration::from_micros(300)), 1);
        assert_eq!(in_a_row(Duration::from_secs(9)), 1);
    }
}
