//! Rows of superbench's `results-summary.jsonl`: `{"node": "…", "benchmark/metric:rank": number, …}`.

use serde_json::{Map, Value};

use super::{AGAIN, Source};
use crate::fleet::Gathered;
use crate::fleet::merge::SUPERBENCH;
use crate::fleet::metric::Better;
use crate::fleet::node::{Measured, Report};

/// What it samples beside the benchmarks, of which no direction is better.
const MONITOR: [&str; 6] = ["monitor/", "temperature", "_power", "mem_used", "mem_total", "_usage"];

/// Reads one row.
pub(super) fn read(
    source: Source<'_>,
    place: &str,
    node: &str,
    text: &str,
    gathered: &mut Gathered,
) {
    let row: Map<String, Value> = match serde_json::from_str(text) {
        Ok(row) => row,
        Err(error) => {
            let said = format!("no row of superbench: {error}");
            gathered.problems.push(source.problem(Some(node.to_owned()), place, said, AGAIN));
            return;
        }
    };
    let measured: Vec<Measured> = row
        .iter()
        .filter(|(name, _)| !MONITOR.iter().any(|word| name.contains(word)))
        .filter_map(|(name, value)| figure(name, value.as_f64()?))
        .collect();
    if measured.is_empty() {
        let said = "a row that names a node and has no figure".to_owned();
        gathered.problems.push(source.problem(
            Some(node.to_owned()),
            place,
            said,
            "run the benchmarks on the node again",
        ));
        return;
    }
    gathered.reports.push(Report {
        node: node.to_owned(),
        source: format!("{}: {place}", source.name),
        form: SUPERBENCH,
        measured,
        ..Report::default()
    });
}

fn figure(name: &str, value: f64) -> Option<Measured> {
    let rank = name.rsplit_once(':').and_then(|(name, rank)| Some((name, rank.parse().ok()?)));
    let (metric, device) = rank.map_or((name, None), |(name, rank)| (name, Some(rank)));
    value.is_finite().then(|| Measured {
        metric: metric.to_owned(),
        device,
        value,
        unit: None,
        better: Better::of_name(metric),
    })
}
