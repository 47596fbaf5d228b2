//! Whether a product is one: some of its elements, worked out again on the host from the matrices on the device.
#![expect(unsafe_code, reason = "reads device memory")]

use cudarc::driver::result;

use super::dtype::Dtype;
use super::lt::Matrices;
use crate::cuda::driver::Gpu;
use crate::{CeilingError, Shape};

/// Compares the corners and the middle.
pub(super) fn check(
    gpu: &Gpu,
    dtype: Dtype,
    shape: Shape,
    matrices: Matrices,
) -> Result<(), CeilingError> {
    gpu.stream.synchronize().map_err(gpu.refused("multiply matrices"))?;
    let Shape { m, n, k } = shape;
    for (row, column) in [(0, 0), (m - 1, 0), (0, n - 1), (m - 1, n - 1), (m / 2, n / 2)] {
        let column_of = |base: u64, place: u64| {
            numbers(gpu, dtype, base + place * k * dtype.bytes(), k as usize)
        };
        let (left, right) = (column_of(matrices.a, row)?, column_of(matrices.b, column)?);
        let expected: f64 = left.iter().zip(&right).map(|(left, right)| left * right).sum();
        let output = dtype.output();
        let place = matrices.d + (row + column * m) * output.bytes();
        let found = numbers(gpu, output, place, 1)?[0];
        if !is_near(found, expected, k) {
            let device = gpu.device().to_owned();
            return Err(CeilingError::WrongResult {
                device,
                kernel: dtype.name(),
                found,
                expected,
            });
        }
    }
    Ok(())
}

/// Sums of `k` products of standard normal numbers spread by the root of `k`. Rounding the factors, the sums and the
/// result of any of the formats, and the shorter sums of tensor cores in fp8, stay below a tenth of that and 1/128 of
/// the result; a sum of something else is that near once in eighteen times, all five of them never.
fn is_near(found: f64, expected: f64, k: u64) -> bool {
    (found - expected).abs() <= (k as f64).sqrt() / 10.0 + expected.abs() / 128.0
}

fn numbers(gpu: &Gpu, dtype: Dtype, address: u64, count: usize) -> Result<Vec<f64>, CeilingError> {
    let size = dtype.bytes() as usize;
    let mut bytes = vec![0_u8; count * size];
    // SAFETY: the numbers lie within a matrix, and nothing writes there any more.
    unsafe { result::memcpy_dtoh_sync(&mut bytes, address) }
        .map_err(gpu.refused("read a result back"))?;
    Ok(bytes.chunks_exact(size).map(|bytes| dtype.number(bytes)).collect())
}

#[cfg(test)]
mod tests {
    use super::is_near;

    #[test]
    fn rounding_passes_and_another_sum_does_not() {
        assert!(is_near(64.25, 64.0, 4096), "bf16 has eight bits");
        assert!(is_near(0.4, 0.0, 4096));
        assert!(!is_near(32.0, 64.0, 4096));
        assert!(!is_near(0.0, 64.0, 4096), "nothing was written");
        assert!(!is_near(f64::NAN, 64.0, 4096));
    }
}
