//! The answer to a job.

use serde::{Deserialize, Serialize};

use crate::interval::Spread;
use crate::normal;

/// The name and version of the document.
pub const SCHEMA: &str = "perfagent.prediction/1";

/// What a job is expected to take. Everything but `schema`, `id`, `refused` and `assumed` is absent of a refused job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The job's own.
    pub id: Option<String>,
    /// Why nothing is predicted.
    pub refused: Option<String>,
    /// Seconds of an optimizer step.
    pub step_s: Option<Interval>,
    /// Tokens a second of the whole job.
    pub tokens_per_s: Option<Interval>,
    /// Peak memory of the fullest GPU.
    pub peak_mem_bytes: Option<Interval>,
    /// How probable it is that the job runs out of memory, 0..1.
    pub oom_probability: Option<f64>,
    /// Where the time of a step goes.
    pub time_breakdown: Option<Breakdown>,
    /// What the memory is made of at the peak.
    pub memory_breakdown: Option<Breakdown>,
    /// What was not stated and was assumed, and what makes the answer less certain.
    pub assumed: Vec<String>,
}

/// Parts of a whole in the order of the arithmetic: names with their unit at the end, and values.
pub type Breakdown = std::collections::BTreeMap<String, f64>;

/// The middle and the ends of a 90 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// One in twenty is below.
    pub p05: f64,
    /// As many above as below.
    pub p50: f64,
    /// One in twenty is above.
    pub p95: f64,
}

impl Prediction {
    /// The answer to a job that cannot be predicted.
    #[must_use]
    pub fn refused(id: Option<String>, why: String) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            id,
            refused: Some(why),
            step_s: None,
            tokens_per_s: None,
            peak_mem_bytes: None,
            oom_probability: None,
            time_breakdown: None,
            memory_breakdown: None,
            assumed: Vec::new(),
        }
    }
}

impl Interval {
    /// A middle with what is left over around it.
    pub(crate) fn around(middle: f64, spread: Spread) -> Self {
        Self { p05: middle * spread.p05.exp(), p50: middle, p95: middle * spread.p95.exp() }
    }

    /// How probable it is that the figure is above `limit`: half a lognormal distribution on each side of the middle.
    #[must_use]
    pub fn above(&self, limit: f64) -> f64 {
        let off = (limit / self.p50).ln();
        let side = if off < 0.0 { self.p50 / self.p05 } else { self.p95 / self.p50 };
        let deviation = (side.ln() / P95).max(1e-3);
        1.0 - normal::probability(off / deviation)
    }
}

/// The quantile of the normal distribution that one in twenty is above.
const P95: f64 = 1.644_853_6;
