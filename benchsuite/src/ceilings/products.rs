//! Matrix products in each format over a grid of shapes.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use perfagent_kernels::cpu::Torch;
use perfagent_kernels::{Compute, Effort, OfDtype, Product, Products, Shape, Stop, sample};
use tch::{Device, Kind, Tensor};

use crate::failure::{Failure, Result};
use crate::shim;

/// A repetition lasts so long at least: shorter ones would measure the clock.
const LEAST_REPETITION: Duration = Duration::from_micros(200);
const MOST_IN_A_ROW: u32 = 4096;
/// What a sweep of one dimension leaves the others at.
const STILL: u64 = 1024;

/// Products of gradients, by whose they are.
const OF_INPUT: &str = "input_gradient";
const OF_MATRIX: &str = "weight_gradient";

const DTYPES: [(&str, Kind); 3] =
    [("fp32", Kind::Float), ("bf16", Kind::BFloat16), ("fp16", Kind::Half)];

/// All formats; `threads` is what libtorch has been told.
pub(super) fn measure(effort: Effort, threads: usize) -> Result<Products> {
    products(effort, threads, &grid(effort))
}

/// What layers of models multiply, by one thread.
pub(super) fn of_layers(effort: Effort) -> Result<Products> {
    let mut shapes = grid(effort);
    shapes.retain(|(sweep, _)| ["layer", OF_INPUT, OF_MATRIX].contains(sweep));
    products(effort, 1, &shapes)
}

fn products(effort: Effort, threads: usize, grid: &[(&'static str, Shape)]) -> Result<Products> {
    let _no_graph = tch::no_grad_guard();
    tch::manual_seed(1);
    let dtypes = DTYPES
        .iter()
        .map(|(dtype, kind)| of(dtype, *kind, effort, grid))
        .collect::<Result<Vec<_>>>()?;
    Ok(Products {
        convention: Torch::PRODUCTS_CONVENTION.into(),
        threads: Some(threads),
        library: Some(format!("libtorch {}", shim::torch_version())),
        reason: None,
        dtypes,
    })
}

fn of(
    dtype: &'static str,
    kind: Kind,
    effort: Effort,
    grid: &[(&'static str, Shape)],
) -> Result<OfDtype> {
    let mut row = OfDtype {
        dtype: dtype.into(),
        output: dtype.into(),
        reason: None,
        best: None,
        sustained: None,
        shapes: Vec::new(),
        left_out: 0,
    };
    let end = Instant::now() + Duration::from_secs_f64(effort.choose(40.0, 4.0));
    for (sweep, shape) in grid.iter().copied() {
        // 16-bit arithmetic that a processor lacks is emulated, a hundred times as slowly as the rest.
        let left = end.saturating_duration_since(Instant::now()).as_secs_f64();
        let best = row.best.as_ref().map(|best| best.compute.median_tflops * 1e12);
        let least = Stop::point(effort).least as f64 + 2.0;
        if best.is_some_and(|rate| shape.operations() * least / rate > left) {
            row.left_out += 1;
            continue;
        }
        row.shapes.push(one(kind, sweep.into(), shape, &Stop::point(effort))?);
        row.best = Product::fastest(&row.shapes).cloned();
    }
    if let Some(best) = &row.best {
        let seconds = effort.choose(3.0, 0.4);
        let stop = Stop { least: 2, most: usize::MAX, seconds, within: -1.0 };
        row.sustained = Some(one(kind, best.sweep.clone(), best.shape, &stop)?);
    }
    Ok(row)
}

fn one(kind: Kind, sweep: Cow<'static, str>, shape: Shape, stop: &Stop) -> Result<Product> {
    let random = |rows: u64, columns: u64| {
        Tensor::f_randn([rows as i64, columns as i64], (Kind::Float, Device::Cpu))?.f_to_kind(kind)
    };
    let (a, b) = (random(shape.m, shape.k)?, random(shape.n, shape.k)?);
    // The function of a linear layer: another one of libtorch takes several times as long for 16-bit numbers.
    let (b_along_n, a_along_m) = match sweep.as_ref() {
        OF_INPUT => (Some(b.f_transpose(0, 1)?.f_contiguous()?), None),
        OF_MATRIX => {
            let a_along_m = a.f_transpose(0, 1)?.f_contiguous()?;
            (Some(b.f_transpose(0, 1)?.f_contiguous()?), Some(a_along_m))
        }
        _ => (None, None),
    };
    let multiply = || match (&b_along_n, &a_along_m) {
        (None, _) => a.f_linear(&b, None::<&Tensor>),
        (Some(b), None) => a.f_matmul(b),
        (Some(b), Some(a)) => a.f_transpose(0, 1)?.f_matmul(b),
    };
    let start = Instant::now();
    check(kind, shape, &multiply()?, &a, &b)?;
    let first = start.elapsed().min({
        let start = Instant::now();
        drop(multiply()?);
        start.elapsed()
    });
    let in_a_row = LEAST_REPETITION.as_nanos().div_ceil(first.as_nanos().max(1));
    let in_a_row = in_a_row.clamp(1, u128::from(MOST_IN_A_ROW)) as u32;
    let samples = sample(stop, || {
        let start = Instant::now();
        for _ in 0..in_a_row {
            drop(multiply()?);
        }
        Ok::<_, Failure>(start.elapsed())
    })?;
    let compute = Compute::new(shape.operations() * f64::from(in_a_row), &samples, None);
    Ok(Product { sweep, shape, in_a_row, compute })
}

/// Compares the corners and the middle of a product with sums worked out in double precision.
fn check(kind: Kind, shape: Shape, product: &Tensor, a: &Tensor, b: &Tensor) -> Result<()> {
    let Shape { m, n, k } = shape;
    for (row, column) in [(0, 0), (m - 1, 0), (0, n - 1), (m - 1, n - 1), (m / 2, n / 2)] {
        let line =
            |matrix: &Tensor, at: u64| matrix.f_select(0, at as i64)?.f_to_kind(Kind::Double);
        let expected = f64::try_from(line(a, row)?.f_dot(&line(b, column)?)?)?;
        let found = product.f_double_value(&[row as i64, column as i64])?;
        if !is_near(found, expected, k) {
            return Err(Failure::run(format!(
                "a product of {kind:?} matrices, {m} × {n} × {k}, holds {found} where {expected} was due, so its time means nothing; test the memory (memtester)"
            )));
        }
    }
    Ok(())
}

/// Sums of `k` products of standard normal numbers spread by the root of `k`. Rounding the factors, the sums and the
/// result to 16 bits stays below a tenth of that and 1/128 of the result; a sum of something else is that near once in
/// eighteen times, all five of them never.
fn is_near(found: f64, expected: f64, k: u64) -> bool {
    (found - expected).abs() <= (k as f64).sqrt() / 10.0 + expected.abs() / 128.0
}

/// What is measured: squares, what gives the highest rate, and sweeps of one dimension; the smallest first, so that it is
/// known how fast it goes when the large ones are weighed against the time that is left.
fn grid(effort: Effort) -> Vec<(&'static str, Shape)> {
    let mut shapes = Vec::new();
    let mut add = |sweep, m, n, k| {
        let product = (sweep, Shape { m, n, k });
        if !shapes.contains(&product) {
            shapes.push(product);
        }
    };
    let large = [(1024, 1024, 1024), (1024, 4096, 1024), (4096, 1024, 1024), (2048, 2048, 2048)];
    for &(m, n, k) in &large[..effort.choose(large.len(), 2)] {
        add("large", m, n, k);
    }
    let (square, step) = effort.choose((64, 32), (256, 512));
    for size in (square..=1536 / effort.choose(1, 2)).step_by(square as usize) {
        add("square", size, size, size);
    }
    for size in (step..=STILL).step_by(step as usize) {
        add("m", size, STILL, STILL);
        add("n", STILL, size, STILL);
        add("k", STILL, STILL, size);
    }
    // What layers of small and middling models multiply: every dimension small, middling or large.
    let sides = effort.choose(&[64, 256, 1024, 4096][..], &[128, 512, 2048][..]);
    for (m, n, k) in sides
        .iter()
        .flat_map(|m| sides.iter().map(move |n| (m, n)))
        .flat_map(|(m, n)| sides.iter().map(move |k| (*m, *n, *k)))
        .filter(|(m, n, k)| m * n * k <= effort.choose(1 << 30, 1 << 29))
    {
        add("layer", m, n, k);
    }
    // The same as gradients take them: of the input, whose matrix is read along n, and of the matrix, for which both are.
    let layers: Vec<Shape> =
        shapes.iter().filter(|(sweep, _)| *sweep == "layer").map(|(_, shape)| *shape).collect();
    for sweep in [OF_INPUT, OF_MATRIX] {
        shapes.extend(layers.iter().map(|shape| (sweep, *shape)));
    }
    let mut add = |sweep, m, n, k| {
        let product = (sweep, Shape { m, n, k });
        if !shapes.contains(&product) {
            shapes.push(product);
        }
    };
    // A token a sequence, as in inference: the matrix is read for a few rows.
    for rows in effort.choose(&[1, 2, 4, 8, 16][..], &[1, 16][..]) {
        add("few_rows", *rows, STILL, STILL);
    }
    shapes.sort_by(|(_, left), (_, right)| left.operations().total_cmp(&right.operations()));
    shapes
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use perfagent_kernels::{Effort, Shape, Stop};
    use tch::{Device, Kind, Tensor};

    use super::{check, grid, one};

    #[test]
    fn no_product_is_measured_twice_in_a_sweep() {
        for (effort, most) in [(Effort::Full, 330), (Effort::Quick, 90)] {
            let shapes = grid(effort);
            let different: HashSet<_> =
                shapes.iter().map(|(sweep, Shape { m, n, k })| (*sweep, *m, *n, *k)).collect();
            assert_eq!(different.len(), shapes.len());
            assert!((10..=most).contains(&shapes.len()), "{}", shapes.len());
        }
    }

    #[test]
    fn a_wrong_product_is_found_and_a_rounded_one_passes() {
        tch::manual_seed(2);
        let shape = Shape { m: 48, n: 32, k: 512 };
        let random = |rows| Tensor::randn([rows, 512], (Kind::Float, Device::Cpu));
        for kind in [Kind::Float, Kind::BFloat16, Kind::Half] {
            let (a, b) = (random(48).to_kind(kind), random(32).to_kind(kind));
            let product = a.linear(&b, None::<&Tensor>);
            check(kind, shape, &product, &a, &b).unwrap();
            let wrong = check(kind, shape, &product.flip([0]), &a, &b);
            assert!(wrong.unwrap_err().to_string().contains("48 × 32 × 512"));
        }
    }

    #[test]
    fn a_rate_is_of_as_many_products_as_were_made() {
        let shape = Shape { m: 8, n: 8, k: 8 };
        let stop = Stop { least: 6, most: 6, seconds: 9.0, within: -1.0 };
        let product = one(Kind::Float, "square".into(), shape, &stop).unwrap();
        assert!(product.in_a_row > 1, "so small a one is repeated: {product:?}");
        let of_one = product.compute.operations / f64::from(product.in_a_row);
        assert_eq!((of_one.to_bits(), product.compute.repetitions), (1024_f64.to_bits(), 6));
        assert!(product.compute.median_tflops > 0.0);
    }
}
