//! The device's matrix-product rate in the precision of the run: the ceiling for the utilisation.

use std::time::{Duration, Instant};

use tch::{Device, Kind, Tensor};

use crate::device::synchronize;
use crate::failure::Result;

/// Time spent measuring, after one product to warm up.
const BUDGET: Duration = Duration::from_millis(250);
/// Products at least: one alone may fall into a moment that the machine gives to somebody else.
const LEAST: usize = 4;

/// Floating-point operations a second of the fastest of several products of two square matrices.
pub(crate) fn measure(device: Device, kind: Kind) -> Result<f64> {
    let _no_graph = tch::no_grad_guard();
    let size = if device.is_cuda() { 8192 } else { 1024 };
    let a = Tensor::f_ones([size, size], (kind, device))?;
    // As the model's products are: the same of 16-bit numbers by another function of libtorch takes several times as long
    // on processors.
    let product = || -> Result<Duration> {
        synchronize(device);
        let start = Instant::now();
        drop(a.f_linear(&a, None::<&Tensor>)?);
        synchronize(device);
        Ok(start.elapsed())
    };
    product()?;
    let start = Instant::now();
    let mut fastest = product()?;
    let mut products = 1;
    while products < LEAST || start.elapsed() < BUDGET {
        fastest = fastest.min(product()?);
        products += 1;
    }
    Ok(2.0 * (size as f64).powi(3) / fastest.as_secs_f64())
}
