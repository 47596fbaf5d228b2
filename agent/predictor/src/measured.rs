//! A GPU as it was measured, by the usual one of its kind: constants were fitted to jobs on many of them, so only the ratio
//! is new.

use crate::ceilings::{OF_STATED, OF_STATED_MEMORY};
use crate::setup::{Precision, Setup};

/// No device is so far from others of its kind: such a ratio is of a shape that the measurement had no good algorithm for.
const MOST: f64 = 2.0;

/// Time of a product as measured, by what its operations and `edge` (elements by which every side is too long) would take at
/// the rate that the fastest products of such devices reach. 1 where nothing was measured.
pub(crate) fn products_by_usual(setup: &Setup, edge: f64, [m, n, k]: [f64; 3]) -> f64 {
    let Some(ceilings) = setup.ceilings.as_deref() else { return 1.0 };
    let gpu = &setup.gpu;
    let (format, stated) = match setup.precision {
        Precision::Fp32 => ("fp32", gpu.single_rate),
        Precision::Tf32 => ("tf32", gpu.tf32_rate.unwrap_or(gpu.single_rate)),
        Precision::Half if setup.is_fp16 => ("fp16", gpu.half_rate),
        Precision::Half => ("bf16", gpu.half_rate),
        Precision::Fp8 => ("fp8_e4m3", gpu.fp8_rate.unwrap_or(gpu.half_rate)),
        // Of scaled blocks and of 4 bits nothing is measured.
        Precision::Block8 | Precision::Fp4 => return 1.0,
    };
    let Some(products) = ceilings.products(format) else { return 1.0 };
    let usual = 2.0 * (m + edge) * (n + edge) * (k + edge) / (OF_STATED * stated);
    (products.seconds(m, n, k) / usual).clamp(1.0 / MOST, MOST)
}

/// Bandwidth of memory as measured, by that of the usual device with this datasheet.
pub(crate) fn memory_by_usual(setup: &Setup) -> f64 {
    setup.ceilings.as_deref().map_or(1.0, |ceilings| {
        let usual = OF_STATED_MEMORY * setup.gpu.memory_rate;
        (ceilings.memory_rate / usual).clamp(1.0 / MOST, MOST)
    })
}

/// Latency in seconds and rate in bytes a second of a ring of `size` ranks of one machine, as measured; none where it was not.
pub(crate) fn ring(setup: &Setup, size: f64) -> Option<(f64, f64)> {
    const SMALL: f64 = 1024.0;
    const LARGE: f64 = 67_108_864.0;
    let ceilings = setup.ceilings.as_deref()?;
    let gather = |bytes: f64| {
        ceilings
            .collective("all_gather", size, bytes)
            .or_else(|| ceilings.collective("all_reduce", size, bytes).map(|time| time / 2.0))
    };
    let (latency, large) = (gather(SMALL)?, gather(LARGE)?);
    let rate = (LARGE - SMALL) * (size - 1.0) / size / (large - latency).max(1e-9);
    Some((latency, rate))
}
