//! The runs' figures as metrics: all headline ones, and the heaviest of the others.

use std::collections::{BTreeMap, BTreeSet};

use perfagent_regress::compare::{Better, Family, Metric, Unit};

use super::run::{Key, Run, Samples};

/// Kernels (or operators, ranges) of each side that are compared, those with the greatest time.
const HEAVIEST: usize = 15;

/// What is compared of a case.
pub(super) struct Wanted<'a> {
    /// The case of a suite.
    pub(super) case: Option<&'a str>,
    /// Totals of whole runs can be compared.
    pub(super) with_totals: bool,
    /// Kernels' names on both sides, where they differ.
    pub(super) renamed: &'a [(String, String)],
}

/// The metrics that any run has. Headline metrics come first, then the heaviest kernels with their
/// counts, unless totals of whole runs cannot be compared, then collectives.
pub(super) fn metrics(base: &[&Run], new: &[&Run], wanted: &Wanted<'_>) -> Vec<Metric> {
    let mut heavy: BTreeSet<(&str, &str)> = BTreeSet::new();
    if wanted.with_totals {
        heavy.extend(heaviest(base).union(&heaviest(new)));
    }
    let mut keys: BTreeMap<&Key, &Samples> = BTreeMap::new();
    for (key, samples) in base.iter().chain(new).flat_map(|run| &run.samples) {
        let is_wanted = match (key.0.split_once('_'), &key.1) {
            (Some(("collective", "time" | "count")), _) => wanted.with_totals,
            (Some((kind, "time" | "count")), Some(subject)) => {
                heavy.contains(&(kind, subject.as_str()))
            }
            _ => true,
        };
        if is_wanted {
            keys.entry(key).or_insert(samples);
        }
    }
    let side = |runs: &[&Run], key: &Key| {
        runs.iter()
            .filter_map(|run| run.samples.get(key).map(|samples| samples.values.clone()))
            .collect::<Vec<_>>()
    };
    let mut metrics = losses(base, new, wanted.case);
    for (key, samples) in keys {
        let renamed = |is_old: bool| {
            let kernel = key.1.as_ref().filter(|_| key.0.starts_with("kernel_"))?;
            let is_it = |(old, new): &&(String, String)| kernel == if is_old { old } else { new };
            wanted.renamed.iter().find(is_it)
        };
        // What vanished is a row with what it became.
        if renamed(true).is_some() {
            continue;
        }
        let (subject, old) = match renamed(false) {
            Some((old, new)) => (Some(format!("{old} → {new}")), (key.0, Some(old.clone()))),
            None => (key.1.clone(), key.clone()),
        };
        metrics.push(Metric {
            case: wanted.case.map(str::to_owned),
            name: key.0.to_owned(),
            subject,
            unit: samples.unit,
            better: samples.better,
            family: samples.family,
            base: side(base, &old),
            new: side(new, key),
        });
    }
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

/// The loss at the last step that all runs have, and how many steps have none that is a number, where there are such.
pub(super) fn losses(base: &[&Run], new: &[&Run], case: Option<&str>) -> Vec<Metric> {
    let metric = |name: &str, subject: Option<String>, unit, figure: &dyn Fn(&Run) -> f64| {
        let side = |runs: &[&Run]| runs.iter().map(|run| vec![figure(run)]).collect();
        Metric {
            case: case.map(str::to_owned),
            name: name.to_owned(),
            subject,
            unit,
            better: Better::Lower,
            family: Family::Headline,
            base: side(base),
            new: side(new),
        }
    };
    let runs = || base.iter().chain(new).copied();
    if base.is_empty() || new.is_empty() || runs().any(|run| run.losses.is_empty()) {
        return Vec::new();
    }
    let bad = |run: &Run| run.losses.values().filter(|loss| !loss.is_finite()).count() as f64;
    let mut metrics = Vec::new();
    if runs().any(|run| bad(run) > 0.0) {
        metrics.push(metric("steps_without_loss", None, Unit::Count, &bad));
    }
    let last = runs().filter_map(|run| run.losses.keys().next_back()).min().copied();
    let at = |run: &Run| last.and_then(|last| run.losses.get(&last).copied());
    if let Some(last) = last
        && runs().all(|run| at(run).is_some_and(f64::is_finite))
    {
        let subject = Some(format!("step {last}"));
        metrics.push(metric("loss", subject, Unit::Nats, &|run| at(run).unwrap_or(0.0)));
    }
    metrics
}

/// Where a metric stands in the answer.
fn place(name: &str) -> usize {
    const ORDER: [&str; 14] = [
        "step_time",
        "run_time",
        "throughput",
        "loss",
        "steps_without_loss",
        "requests",
        "time_to_first_token",
        "time_per_output_token",
        "latency",
        "exposed_communication",
        "peak_allocated_memory",
        "peak_reserved_memory",
        "peak_device_memory",
        "peak_host_memory",
    ];
    let detail = || match name.split_once('_') {
        Some(("collective", _)) => 22,
        Some((_, "time")) => 20,
        Some((_, "count")) => 21,
        _ => 23,
    };
    ORDER.iter().position(|known| *known == name).unwrap_or_else(detail)
}

/// What has the greatest time on a side, summed over its runs: its kind (`kernel`, …) and its name.
fn heaviest<'a>(runs: &[&'a Run]) -> BTreeSet<(&'a str, &'a str)> {
    let mut totals: BTreeMap<(&str, &str), f64> = BTreeMap::new();
    for ((name, subject), samples) in runs.iter().flat_map(|run| &run.samples) {
        if let (Some((kind, "time")), Some(subject)) = (name.split_once('_'), subject)
            && kind != "collective"
        {
            *totals.entry((kind, subject)).or_default() += samples.values.iter().sum::<f64>();
        }
    }
    let mut totals: Vec<_> = totals.into_iter().collect();
    totals.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    totals.into_iter().take(HEAVIEST).map(|(key, _)| key).collect()
}
