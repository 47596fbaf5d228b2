//! What hardware counters showed.

use serde::{Deserialize, Serialize};

/// The hardware counters of a rank's kernels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KernelCounters {
    /// Ranges that were measured: kernels, or one for a whole stretch of the run.
    pub ranges: i64,
    /// Those whose launching call is not known.
    pub without_launch: i64,
    /// Those whose call is known and was in no operator.
    pub without_operator: i64,
    /// Instructions that are floating-point operations and were not counted, where others were: `flops` lacks them.
    pub uncounted_flops: Vec<String>,
    /// By kernel and the operators that launched it, most operations first, then most bytes.
    pub rows: Vec<KernelCounterRow>,
}

/// One kernel under the same operators.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KernelCounterRow {
    /// The kernel; `__profile__` for a whole stretch.
    pub name: String,
    /// The outermost operator around its launch.
    pub top_operator: Option<String>,
    /// The innermost one.
    pub bottom_operator: Option<String>,
    /// All of them, outermost first.
    pub operators: Vec<String>,
    /// How many ranges.
    pub ranges: i64,
    /// Floating-point operations of all of them, by the counters of instructions: those of tensor cores are not among them. `None`
    /// where they were not counted of each range.
    pub flops: Option<i64>,
    /// Bytes read from and written to the GPU's memory; `None` where they were not counted of each range.
    pub dram_bytes: Option<i64>,
    /// `flops / dram_bytes`.
    pub intensity: Option<f64>,
    /// Every metric, by name.
    pub metrics: Vec<MetricRow>,
}

/// What one metric showed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MetricRow {
    /// As CUPTI calls it.
    pub name: String,
    /// Of how many ranges it is known.
    pub ranges: i64,
    /// Sum over the ranges, in the metric's own unit; says nothing where that is a rate or a share. `None` where it is too large
    /// for any number.
    pub sum: Option<f64>,
    /// Mean over the ranges.
    pub mean: Option<f64>,
    /// Of the range where it is least.
    pub min: f64,
    /// Of the range where it is greatest.
    pub max: f64,
}
