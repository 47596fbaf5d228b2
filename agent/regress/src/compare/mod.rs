//! Comparison of two sets of runs, metric by metric.
//!
//! 1. A run counts once: its samples become their median ([`effect`]). Samples within a run tell how
//!    well that median is known, never how much runs differ. A single bad run among ten is left out ([`outlier`]).
//! 2. The effect is the logarithm of the ratio of the sides (Hodges and Lehmann's), with an interval from a
//!    bootstrap over runs ([`interval`]) and a p-value from permutations of runs ([`permutation`]).
//! 3. Over all metrics of a family the false discovery rate is controlled ([`crate::statistic::discovery`]).
//! 4. Each metric gets a verdict ([`decision`]); sameness is shown by two one-sided tests against the
//!    threshold, never by the lack of significance.
//!
//! Runs from different machines are told apart by their [`Environment`]s before anything is computed.

mod decision;
mod document;
mod effect;
mod environment;
mod interval;
mod metric;
mod outlier;
mod permutation;
mod settings;

pub use document::{
    Case, Comparison, EnvironmentReport, MetricRow, Overall, SCHEMA, Side, SideFigures,
    UnpairedRow, Verdict,
};
pub use environment::{Difference, Environment, Fact, FactRow, Weight, differences, facts};
pub use metric::{Better, Family, Metric, Unit};
pub use settings::Settings;

use crate::statistic::discovery;
use decision::Decision;
use effect::Effect;

/// Why metrics cannot be compared.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// A sample is NaN or infinite.
    #[error(
        "metric {metric}: sample {index} of run {run} (counted from 0) is {value}; leave it out"
    )]
    NotFinite {
        /// The metric's name.
        metric: String,
        /// 0-based number of the run on its side.
        run: usize,
        /// 0-based number of the sample in the run.
        index: usize,
        /// What it is.
        value: f64,
    },
}

/// Judges every metric. Metrics that one side does not have are listed apart.
///
/// `names` are the runs of the base and of the new side; `differences` what sets their environments
/// apart. With differences that forbid a comparison only they are reported, unless `force`.
pub fn compare(
    names: (Vec<String>, Vec<String>),
    metrics: &[Metric],
    differences: Vec<Difference>,
    force: bool,
    settings: &Settings,
) -> Result<Comparison, CompareError> {
    let refused = !force && differences.iter().any(|found| found.weight == Weight::Decisive);
    let environment =
        EnvironmentReport { comparable: !refused, forced: force, differences, facts: Vec::new() };
    let mut comparison = Comparison::new(names, environment, settings);
    if refused {
        comparison.verdict = Overall::Incomparable;
        return Ok(comparison);
    }
    for metric in metrics {
        metric.check()?;
    }
    let (paired, unpaired): (Vec<&Metric>, Vec<&Metric>) =
        metrics.iter().partition(|metric| !metric.base.is_empty() && !metric.new.is_empty());
    let effects: Vec<Effect> = paired.iter().map(|metric| Effect::of(metric, settings)).collect();
    let q_values = family_q_values(&paired, &effects);
    comparison.metrics = paired
        .iter()
        .zip(&effects)
        .zip(q_values)
        .map(|((metric, effect), q_value)| {
            let decision = Decision::of(metric, effect, q_value, settings);
            document::row(metric, effect, q_value, decision)
        })
        .collect();
    comparison.unpaired = unpaired.into_iter().filter_map(document::unpaired_row).collect();
    comparison.conclude();
    Ok(comparison)
}

/// The false-discovery rate at which each metric would be called changed, within its family.
fn family_q_values(metrics: &[&Metric], effects: &[Effect]) -> Vec<Option<f64>> {
    let mut q_values = vec![None; metrics.len()];
    for family in [Family::Headline, Family::Detail] {
        let tested: Vec<(usize, f64)> = (0..metrics.len())
            .filter(|&index| metrics[index].family == family)
            .filter_map(|index| effects[index].p_value.map(|p_value| (index, p_value)))
            .collect();
        let p_values: Vec<f64> = tested.iter().map(|tested| tested.1).collect();
        for ((index, _), q_value) in tested.iter().zip(discovery::q_values(&p_values)) {
            q_values[*index] = Some(q_value);
        }
    }
    q_values
}
