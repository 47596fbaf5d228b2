//! Which products are measured: sweeps of one dimension in steps finer than a tile, so that steps of tiles and waves
//! can be seen, squares, and large ones that get the most out of a device.

use super::dtype::Dtype;
use crate::{Effort, Shape};

/// Bytes of the two factors and of the result.
pub(super) fn bytes(shape: Shape, dtype: Dtype) -> [u64; 3] {
    let Shape { m, n, k } = shape;
    let factor = dtype.bytes();
    [m * k * factor, n * k * factor, m * n * dtype.output().bytes()]
}

/// The two dimensions that a sweep leaves alone.
const STILL: u64 = 4096;

/// What is measured, what gives the highest rate first, should time run short; `free_bytes` is the memory that the
/// matrices may take together.
pub(super) fn grid(dtype: Dtype, free_bytes: u64, effort: Effort) -> Vec<(&'static str, Shape)> {
    let mut shapes = Vec::new();
    let mut add = |sweep, m, n, k| shapes.push((sweep, Shape { m, n, k }));
    // Wide and deep ones; among them those with which MAMF's finder got the most out of Ampere and Hopper.
    let large: &[(u64, u64, u64)] = &[
        (8192, 8192, 8192),
        (4096, 8192, 8192),
        (2048, 2048, 13312),
        (1024, 15360, 4096),
        (6144, 2816, 17920),
        (4224, 2048, 8192),
        (16384, 8192, 4096),
        (8192, 16384, 4096),
        (16384, 16384, 2048),
        (10240, 4096, 8192),
        (11264, 1536, 19712),
        (1024, 10240, 5120),
        (16384, 16384, 16384),
    ];
    for &(m, n, k) in &large[..effort.choose(large.len(), 6)] {
        add("large", m, n, k);
    }
    let (square, step, depth) = effort.choose((256, 64, 128), (2048, 1024, 2048));
    for size in (square..=8192).step_by(square as usize) {
        add("square", size, size, size);
    }
    for size in (step..=STILL).step_by(step as usize) {
        add("m", size, STILL, STILL);
        add("n", STILL, size, STILL);
    }
    for size in (depth..=2 * STILL).step_by(depth as usize) {
        add("k", STILL, STILL, size);
    }
    // A token a sequence, as in inference: the matrix is read for a few rows.
    for rows in effort.choose(&[1_u64, 2, 4, 8, 16, 32, 48][..], &[16][..]) {
        let rows = if dtype == Dtype::Fp8 { rows.next_multiple_of(16) } else { *rows };
        add("few_rows", rows, STILL, STILL);
    }
    shapes.retain(|(_, shape)| bytes(*shape, dtype).iter().sum::<u64>() <= free_bytes);
    // Rounding has made some of few rows alike.
    let mut seen = Vec::new();
    shapes.retain(|kept| {
        let is_new = !seen.contains(kept);
        seen.push(*kept);
        is_new
    });
    shapes
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{Dtype, bytes, grid};
    use crate::{Effort, Shape};

    type Dimension = fn(&Shape) -> u64;

    const GIB: u64 = 1 << 30;

    #[test]
    fn sweeps_step_finer_than_tiles() {
        let shapes = grid(Dtype::Bf16, 64 * GIB, Effort::Full);
        for (sweep, of) in [("m", (|shape| shape.m) as Dimension), ("n", |shape| shape.n)] {
            let sizes: Vec<u64> = shapes
                .iter()
                .filter(|(name, _)| *name == sweep)
                .map(|(_, shape)| of(shape))
                .collect();
            // Tiles of cuBLAS have 64 to 256 rows and columns.
            assert!(sizes.windows(2).all(|pair| pair[1] - pair[0] == 64), "{sweep}: {sizes:?}");
            assert_eq!((sizes[0], sizes.len()), (64, 64));
        }
        assert!((200..300).contains(&shapes.len()), "{}", shapes.len());
    }

    #[test]
    fn no_product_is_measured_twice_in_a_sweep_and_fp8_has_whole_vectors() {
        for dtype in Dtype::ALL {
            for effort in [Effort::Full, Effort::Quick] {
                let shapes = grid(dtype, 64 * GIB, effort);
                let different: HashSet<_> = shapes
                    .iter()
                    .map(|(sweep, shape)| (*sweep, shape.m, shape.n, shape.k))
                    .collect();
                assert_eq!(different.len(), shapes.len());
                let whole = |shape: &Shape| {
                    [shape.m, shape.n, shape.k].iter().all(|size| size.is_multiple_of(16))
                };
                assert!(dtype != Dtype::Fp8 || shapes.iter().all(|(_, shape)| whole(shape)));
            }
        }
        assert!(grid(Dtype::Fp32, 64 * GIB, Effort::Quick).len() <= 30);
    }

    #[test]
    fn matrices_fit_into_what_is_free() {
        let shapes = grid(Dtype::Fp32, GIB, Effort::Full);
        assert!(!shapes.is_empty());
        for (_, shape) in shapes {
            assert!(bytes(shape, Dtype::Fp32).iter().sum::<u64>() <= GIB);
        }
    }

    #[test]
    fn work_and_bytes_are_those_of_the_definition() {
        let shape = Shape { m: 2, n: 3, k: 5 };
        assert_eq!(shape.operations().to_bits(), 60_f64.to_bits());
        assert_eq!(bytes(shape, Dtype::Fp8), [10, 15, 12], "the result is bf16");
    }
}
