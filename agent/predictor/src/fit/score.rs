//! How good predictions of held-out jobs were.

use std::collections::BTreeMap;

use crate::effects::Figure;
use crate::interval::{self, Spreads};

use super::held_out::{FOLDS, Held};

/// How good predictions of a set of jobs were, shares.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// How many.
    pub jobs: usize,
    /// Median of the absolute relative error.
    pub median: f64,
    /// Its 90th percentile.
    pub p90: f64,
    /// Median of the signed relative error.
    pub bias: f64,
    /// Share of the measured values inside of their 90 % interval, made from the other parts' jobs.
    pub covered: f64,
}

/// Which arrangement is best: of all cells with enough jobs.
#[derive(Clone, Debug, PartialEq)]
pub struct Cells {
    /// Cells.
    pub cells: usize,
    /// Median of Spearman's rank correlation of predicted and measured steps.
    pub rank_correlation: f64,
    /// Median of how much slower than the best the arrangement is that would be picked, a share.
    pub regret: f64,
    /// The 90th percentile of that.
    pub regret_p90: f64,
}

/// Jobs that a cell needs: of fewer, ranks say little.
const ENOUGH: usize = 5;

/// The quantile of a sorted, non-empty list, by linear interpolation.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// Scores of `figure` by what `name` says of a job, and of all.
#[must_use]
pub fn score(
    held: &[Held],
    figure: Figure,
    name: impl Fn(&Held) -> String,
) -> BTreeMap<String, Score> {
    let jobs: Vec<&Held> = held.iter().filter(|job| job.figure == figure).collect();
    // The interval of a job comes from jobs of the other parts only.
    let spreads: Vec<Spreads> = (0..FOLDS)
        .map(|fold| {
            let others: Vec<&Held> = jobs.iter().filter(|job| job.fold != fold).copied().collect();
            interval::spreads(&others, figure)
        })
        .collect();
    let mut sets = BTreeMap::<String, Vec<&Held>>::new();
    for job in jobs {
        sets.entry(name(job)).or_default().push(job);
        sets.entry("all".to_owned()).or_default().push(job);
    }
    sets.into_iter()
        .map(|(name, jobs)| {
            let errors = sorted(jobs.iter().map(|job| job.predicted / job.measured - 1.0));
            let absolute = sorted(errors.iter().map(|error| error.abs()));
            let covered = jobs
                .iter()
                .filter(|job| {
                    interval::find(&spreads[job.fold], &job.classes).is_some_and(|spread| {
                        (spread.p05.min(0.0)..=spread.p95.max(0.0)).contains(&job.left())
                    })
                })
                .count();
            let score = Score {
                jobs: jobs.len(),
                median: quantile(&absolute, 0.5),
                p90: quantile(&absolute, 0.9),
                bias: quantile(&errors, 0.5),
                covered: covered as f64 / jobs.len() as f64,
            };
            (name, score)
        })
        .collect()
}

/// How good the order of the arrangements in each cell is, by source and of all.
#[must_use]
pub fn cells(held: &[Held]) -> BTreeMap<String, Cells> {
    let mut by_cell = BTreeMap::<&str, Vec<&Held>>::new();
    for job in held.iter().filter(|job| job.figure == Figure::Time) {
        by_cell.entry(&job.cell).or_default().push(job);
    }
    let mut sets = BTreeMap::<String, Vec<(f64, f64)>>::new();
    for jobs in by_cell.values().filter(|jobs| jobs.len() >= ENOUGH) {
        let correlation = spearman(jobs);
        let best = jobs.iter().map(|job| job.measured).fold(f64::INFINITY, f64::min);
        let picked = jobs
            .iter()
            .min_by(|a, b| a.predicted.total_cmp(&b.predicted))
            .map_or(best, |job| job.measured);
        for name in [jobs[0].source.as_str(), "all"] {
            sets.entry(name.to_owned()).or_default().push((correlation, picked / best - 1.0));
        }
    }
    sets.into_iter()
        .map(|(name, cells)| {
            let regrets = sorted(cells.iter().map(|(_, regret)| *regret));
            let correlations = sorted(cells.iter().map(|(correlation, _)| *correlation));
            let cells = Cells {
                cells: cells.len(),
                rank_correlation: quantile(&correlations, 0.5),
                regret: quantile(&regrets, 0.5),
                regret_p90: quantile(&regrets, 0.9),
            };
            (name, cells)
        })
        .collect()
}

/// Median of how far repeats of one configuration lie from their mean, a share, and how many repeats there are: no
/// prediction can be better. Configurations are told apart by `configuration`.
#[must_use]
pub fn noise_floor(
    held: &[Held],
    figure: Figure,
    configuration: &BTreeMap<String, String>,
) -> Option<(usize, f64)> {
    let mut repeats = BTreeMap::<&str, Vec<f64>>::new();
    for job in held.iter().filter(|job| job.figure == figure) {
        if let Some(key) = configuration.get(&job.id) {
            repeats.entry(key).or_default().push(job.measured);
        }
    }
    let off = sorted(repeats.values().filter(|values| values.len() > 1).flat_map(|values| {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        values.iter().map(move |value| (value / mean - 1.0).abs()).collect::<Vec<_>>()
    }));
    (!off.is_empty()).then(|| (off.len(), quantile(&off, 0.5)))
}

fn spearman(jobs: &[&Held]) -> f64 {
    let predicted = ranks(&jobs.iter().map(|job| job.predicted).collect::<Vec<_>>());
    let measured = ranks(&jobs.iter().map(|job| job.measured).collect::<Vec<_>>());
    let mean = (jobs.len() as f64 - 1.0) / 2.0;
    let (mut both, mut one, mut other) = (0.0, 0.0, 0.0);
    for (a, b) in predicted.iter().zip(&measured) {
        both += (a - mean) * (b - mean);
        one += (a - mean).powi(2);
        other += (b - mean).powi(2);
    }
    if one * other > 0.0 { both / (one * other).sqrt() } else { 1.0 }
}

/// Ranks from 0; equal values share the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let mut end = start;
        while end + 1 < order.len()
            && values[order[end + 1]].total_cmp(&values[order[start]]).is_eq()
        {
            end += 1;
        }
        for place in &order[start..=end] {
            ranks[*place] = (start + end) as f64 / 2.0;
        }
        start = end + 1;
    }
    ranks
}
