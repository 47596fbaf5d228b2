//! The answer: `perfagent.changepoints/1`.

use serde::{Deserialize, Serialize};

use super::settings::{Direction, Settings};
use super::{criterion, newest};
use crate::statistic::order::median;

/// The name and version of the document.
pub const SCHEMA: &str = "perfagent.changepoints/1";

/// The changes of a series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangePoints {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Values in the series.
    pub n: usize,
    /// The changes, in order of time.
    pub changepoints: Vec<ChangePoint>,
    /// The newest value.
    pub latest: Latest,
    /// Which way is worse.
    pub direction: Direction,
    /// The stretches between changes, one more than there are changes.
    pub levels: Vec<Level>,
    /// First-order autocorrelation of the noise around the levels, 0..=0.95.
    pub autocorrelation: f64,
}

/// A lasting change of level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangePoint {
    /// The first value of the new level, 0-based.
    pub index: usize,
    /// Median of the level before, in the unit of the series.
    pub before: f64,
    /// Median of the new level, in the unit of the series.
    pub after: f64,
    /// From `before` to `after`, percent of `before`; `None` where `before` is 0.
    pub change_pct: Option<f64>,
    /// 1 − the probability that noise alone shows a change as strong as this, 0..1.
    pub confidence: f64,
}

/// A stretch of values at one level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// Its first value, 0-based.
    pub start: usize,
    /// One past its last value.
    pub end: usize,
    /// Median of its values, in the unit of the series.
    pub median: f64,
}

/// What the newest value says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LatestVerdict {
    /// It fits in with the level before it.
    Ok,
    /// It is worse than the level before it.
    Regression,
    /// It is better than the level before it.
    Improvement,
    /// There are too few values before it.
    Inconclusive,
}

/// The newest value and what it was compared with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latest {
    /// The verdict.
    pub verdict: LatestVerdict,
    /// Probability of a value as far off, had nothing changed; `None` when inconclusive.
    pub p_value: Option<f64>,
    /// The newest value.
    pub value: f64,
    /// Median of what it was compared with; `None` when inconclusive.
    pub baseline: Option<f64>,
    /// How many values those are.
    pub baseline_n: usize,
    /// From `baseline` to `value`, percent of `baseline`.
    pub change_pct: Option<f64>,
}

pub(super) fn document(
    values: &[f64],
    changes: &[usize],
    p_values: &[f64],
    rho: f64,
    settings: &Settings,
) -> ChangePoints {
    let medians = criterion::levels(values, changes);
    let found = changes.iter().zip(p_values).zip(medians.windows(2));
    let starts = std::iter::once(0).chain(changes.iter().copied());
    let ends = changes.iter().copied().chain([values.len()]);
    ChangePoints {
        schema: SCHEMA.to_owned(),
        n: values.len(),
        changepoints: found
            .map(|((&index, p_value), level)| ChangePoint {
                index,
                before: level[0],
                after: level[1],
                change_pct: change_pct(level[0], level[1]),
                confidence: 1.0 - p_value,
            })
            .collect(),
        latest: latest(values, changes, rho, settings),
        direction: settings.direction,
        levels: starts
            .zip(ends)
            .zip(&medians)
            .map(|((start, end), &median)| Level { start, end, median })
            .collect(),
        autocorrelation: rho,
    }
}

/// The newest value against the level that it continues or, while that is too young to be a history,
/// against the level before: a step of the last few runs stays a verdict until it is the new normal.
fn latest(values: &[f64], changes: &[usize], rho: f64, settings: &Settings) -> Latest {
    let (&value, earlier) = values.split_last().expect("a series is not empty");
    let ends = [earlier.len()].into_iter().chain(changes.iter().rev().copied());
    let starts = changes.iter().rev().copied().chain([0]);
    let history = ends
        .zip(starts)
        .map(|(end, start)| &earlier[start..end])
        .find(|level| level.len() >= newest::FEWEST);
    let Some(history) = history else {
        return Latest {
            verdict: LatestVerdict::Inconclusive,
            p_value: None,
            value,
            baseline: None,
            baseline_n: 0,
            change_pct: None,
        };
    };
    let baseline = median(history);
    let p_value = newest::p_value(history, value, rho);
    let worse = match settings.direction {
        Direction::LowerIsBetter => value > baseline,
        Direction::HigherIsBetter => value < baseline,
    };
    let verdict = match (p_value < settings.latest_alpha, worse) {
        (false, _) => LatestVerdict::Ok,
        (true, true) => LatestVerdict::Regression,
        (true, false) => LatestVerdict::Improvement,
    };
    Latest {
        verdict,
        p_value: Some(p_value),
        value,
        baseline: Some(baseline),
        baseline_n: history.len(),
        change_pct: change_pct(baseline, value),
    }
}

fn change_pct(before: f64, after: f64) -> Option<f64> {
    let change = 100.0 * (after - before) / before.abs();
    change.is_finite().then_some(change)
}
