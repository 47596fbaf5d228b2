//! Rates of matrix products, whichever library multiplies.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::Compute;

/// Products of matrices, or why there are none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Products {
    /// What is counted, and of what.
    pub convention: Cow<'static, str>,
    /// Threads that worked, of a processor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// The library, such as `cuBLASLt 13.0.2` or `libtorch 2.11.0`.
    pub library: Option<String>,
    /// Why nothing was measured.
    pub reason: Option<String>,
    /// `fp32`, `tf32`, `fp16`, `bf16`, `fp8_e4m3`: those that a device has.
    pub dtypes: Vec<OfDtype>,
}

/// Products in one format.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OfDtype {
    /// The format of the factors.
    pub dtype: Cow<'static, str>,
    /// The format of the result.
    pub output: Cow<'static, str>,
    /// Why it was not measured: what the device lacks.
    pub reason: Option<String>,
    /// The product with the highest median rate.
    pub best: Option<Product>,
    /// The same product again for seconds without a pause: what power and heat leave of it.
    pub sustained: Option<Product>,
    /// All that were measured.
    pub shapes: Vec<Product>,
    /// How many more the grid has that there was no time for, or no algorithm.
    pub left_out: usize,
}

/// The rate of one product.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Product {
    /// The part of the grid: `large`, `square`, `m`, `n`, `k`, `layer`, `few_rows`; of a processor also
    /// `input_gradient` (the second factor is read along n) and `weight_gradient` (the first one along m, too).
    pub sweep: Cow<'static, str>,
    /// Its shape.
    #[serde(flatten)]
    pub shape: Shape,
    /// How often it is repeated in one repetition.
    pub in_a_row: u32,
    /// The rate.
    #[serde(flatten)]
    pub compute: Compute,
}

impl Products {
    /// None, for this reason.
    #[must_use]
    pub fn none(convention: &'static str, reason: String) -> Self {
        Self {
            convention: convention.into(),
            threads: None,
            library: None,
            reason: Some(reason),
            dtypes: Vec::new(),
        }
    }
}

impl Product {
    /// The one with the highest median rate.
    #[must_use]
    pub fn fastest(products: &[Self]) -> Option<&Self> {
        let rate = |product: &Self| product.compute.median_tflops;
        products.iter().max_by(|left, right| rate(left).total_cmp(&rate(right)))
    }
}

/// A product of an `m` by `k` with a `k` by `n` matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Rows of the result.
    pub m: u64,
    /// Columns of the result.
    pub n: u64,
    /// Length of the sums.
    pub k: u64,
}

impl Shape {
    /// Floating-point operations: a multiplication and an addition for each term of each sum.
    #[must_use]
    pub fn operations(self) -> f64 {
        2.0 * self.m as f64 * self.n as f64 * self.k as f64
    }
}
