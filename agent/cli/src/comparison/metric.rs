//! The runs' figures as metrics: all headline ones, and the heaviest of the others.

use std::collections::{BTreeMap, BTreeSet};

use perfagent_regress::compare::{Family, Metric};

use super::run::{Key, Run, Samples};

/// Kernels (or operators, ranges) of each side that are compared, those with the greatest time.
const HEAVIEST: usize = 15;

/// The metrics that any run has. Headline metrics come first, then the heaviest kernels with their
/// counts, unless totals of whole runs cannot be compared, then collectives.
pub(super) fn metrics(base: &[Run], new: &[Run], with_totals: bool) -> Vec<Metric> {
    let mut heavy: BTreeSet<(&str, &str)> = BTreeSet::new();
    if with_totals {
        heavy.extend(heaviest(base).union(&heaviest(new)));
    }
    let mut keys: BTreeMap<&Key, &Samples> = BTreeMap::new();
    for (key, samples) in base.iter().chain(new).flat_map(|run| &run.samples) {
        let wanted = match (key.0.split_once('_'), &key.1) {
            (Some((kind, "time" | "count")), Some(subject)) => {
                heavy.contains(&(kind, subject.as_str()))
            }
            _ => true,
        };
        if wanted {
            keys.entry(key).or_insert(samples);
        }
    }
    let side = |runs: &[Run], key: &Key| {
        runs.iter()
            .filter_map(|run| run.samples.get(key).map(|samples| samples.values.clone()))
            .collect::<Vec<_>>()
    };
    let mut metrics: Vec<Metric> = keys
        .into_iter()
        .map(|(key, samples)| Metric {
            name: key.0.to_owned(),
            subject: key.1.clone(),
            unit: samples.unit,
            better: samples.better,
            family: samples.family,
            base: side(base, key),
            new: side(new, key),
        })
        .collect();
    let weight = |metric: &Metric| {
        let all = metric.base.iter().chain(&metric.new).flatten();
        all.fold(0.0_f64, |greatest, &value| greatest.max(value))
    };
    metrics.sort_by(|a, b| {
        let rank = |metric: &Metric| (metric.family == Family::Detail, place(&metric.name));
        rank(a).cmp(&rank(b)).then_with(|| weight(b).total_cmp(&weight(a)))
    });
    metrics
}

/// Where a metric stands in the answer.
fn place(name: &str) -> usize {
    const ORDER: [&str; 8] = [
        "step_time",
        "run_time",
        "throughput",
        "exposed_communication",
        "peak_allocated_memory",
        "peak_reserved_memory",
        "peak_device_memory",
        "peak_host_memory",
    ];
    let detail = || match name.split_once('_') {
        Some((_, "time")) => ORDER.len(),
        Some((_, "count")) => ORDER.len() + 1,
        _ => ORDER.len() + 2,
    };
    ORDER.iter().position(|known| *known == name).unwrap_or_else(detail)
}

/// What has the greatest time on a side, summed over its runs: its kind (`kernel`, …) and its name.
fn heaviest(runs: &[Run]) -> BTreeSet<(&str, &str)> {
    let mut totals: BTreeMap<(&str, &str), f64> = BTreeMap::new();
    for ((name, subject), samples) in runs.iter().flat_map(|run| &run.samples) {
        if let (Some((kind, "time")), Some(subject)) = (name.split_once('_'), subject) {
            *totals.entry((kind, subject)).or_default() += samples.values.iter().sum::<f64>();
        }
    }
    let mut totals: Vec<_> = totals.into_iter().collect();
    totals.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    totals.into_iter().take(HEAVIEST).map(|(key, _)| key).collect()
}
