//! The newest runs against their own history, metric by metric.
//!
//! 1. A run is one value: the median of its samples.
//! 2. What a metric is held against is its newest stable level ([`baseline`]): what came before a lasting
//!    change says nothing about today.
//! 3. The mean of the newest runs is tested against Student's t prediction interval for as many further
//!    runs at that level, for which correlated runs count less; on logarithms too where all values are
//!    positive, and the weaker answer counts ([`judge`]).
//! 4. Over all metrics of a family the false discovery rate is controlled (Benjamini and Hochberg).

mod baseline;
mod document;
mod judge;
mod metric;
mod settings;

pub use crate::statistic::prediction::{Prediction, prediction};
pub use document::{
    GroupCheck, HistoryCheck, MetricRow, Overall, RunName, SCHEMA, SetAside, Unjudged, Verdict,
};
pub use metric::{Group, HistoryError, Metric};
pub use settings::Settings;

use crate::compare::Family;
use crate::statistic::discovery;
use judge::Evidence;

/// Judges the newest runs of every group. Metrics that only the newest or only the older runs have are
/// listed apart.
pub fn check(groups: Vec<Group>, settings: &Settings) -> Result<HistoryCheck, HistoryError> {
    for metric in groups.iter().flat_map(|group| &group.metrics) {
        metric.check()?;
    }
    let judged = |metric: &&Metric| !metric.older.is_empty() && !metric.newest.is_empty();
    let metrics: Vec<&Metric> =
        groups.iter().flat_map(|group| group.metrics.iter().filter(judged)).collect();
    let evidence: Vec<Evidence> =
        metrics.iter().map(|metric| Evidence::of(metric, settings)).collect();
    let mut q_values = vec![None; metrics.len()];
    let mut tests = [0; 2];
    for (family, tests) in [Family::Headline, Family::Detail].into_iter().zip(&mut tests) {
        let tested: Vec<(usize, f64)> = (0..metrics.len())
            .filter(|&index| metrics[index].family == family)
            .filter_map(|index| Some((index, evidence[index].p_value?)))
            .collect();
        let p_values: Vec<f64> = tested.iter().map(|tested| tested.1).collect();
        for ((index, _), q_value) in tested.iter().zip(discovery::q_values(&p_values)) {
            q_values[*index] = Some(q_value);
        }
        *tests = tested.len();
    }
    let mut rows =
        metrics.iter().zip(&evidence).zip(&q_values).map(|((metric, evidence), q_value)| {
            evidence.row(
                metric,
                *q_value,
                tests[usize::from(metric.family == Family::Detail)],
                settings,
            )
        });
    let mut sorted = Vec::with_capacity(groups.len());
    for group in &groups {
        let count = group.metrics.iter().filter(judged).count();
        sorted.push(rows.by_ref().take(count).collect());
    }
    Ok(document::document(groups, sorted, settings))
}
