//! Hardware counters by kernel and by the operators that launched it.
//!
//! A kernel belongs to the operators that were open, from beginning to end, around the call that launched it, on its thread: the
//! outermost is its top operator, the innermost its bottom one. Kernels without a known launch, or launched outside of every
//! operator, have none.

mod derived;
mod exact;
mod stacks;

use std::collections::BTreeMap;

use perfagent_recording::{Recording, StringId};
use rustc_hash::FxHashMap;

use crate::launched::{Call, Launches};
use crate::process::{ProcessRows, pick};
use crate::report::{KernelCounterRow, KernelCounters, MetricRow};
use exact::Exact;

/// What a row stands for: a kernel, and the operators around its launch from the outermost on.
type Key<'a> = (&'a str, Vec<&'a str>);

/// A range that was measured.
struct Range {
    name: StringId,
    correlation: Option<i64>,
}

/// What one metric showed of the ranges of a row.
struct Metric {
    ranges: i64,
    sum: Exact,
    min: f64,
    max: f64,
}

impl Default for Metric {
    fn default() -> Self {
        Self { ranges: 0, sum: Exact::default(), min: f64::INFINITY, max: f64::NEG_INFINITY }
    }
}

#[derive(Default)]
struct Group<'a> {
    ranges: i64,
    metrics: BTreeMap<&'a str, Metric>,
}

/// The counters of a process; `None` when it has none.
pub(crate) fn counters(recording: &Recording, rows: &ProcessRows) -> Option<KernelCounters> {
    if rows.kernel_counters.is_empty() {
        return None;
    }
    let mut ranges: Vec<Range> = Vec::new();
    let mut by_index: FxHashMap<i64, usize> = FxHashMap::default();
    for row in pick(&recording.kernel_counters, &rows.kernel_counters) {
        by_index.entry(row.range_index).or_insert_with(|| {
            ranges.push(Range { name: row.name_id, correlation: row.correlation });
            ranges.len() - 1
        });
    }
    let launches = Launches::of(recording, rows);
    let calls: Vec<Option<&Call>> = (ranges.iter())
        .map(|range| launches.calls.get(launches.call_with(range.correlation?)? as usize))
        .collect();
    let stacks = stacks::around(recording, rows, &calls);
    let text = |id: StringId| recording.strings.get(id);
    let mut numbers: BTreeMap<Key<'_>, usize> = BTreeMap::new();
    let mut groups: Vec<Group<'_>> = Vec::new();
    let group_of: Vec<usize> = (ranges.iter().zip(&stacks))
        .map(|(range, stack)| {
            let key = (text(range.name), stack.iter().map(|&name| text(name)).collect());
            let number = *numbers.entry(key).or_insert_with(|| {
                groups.push(Group::default());
                groups.len() - 1
            });
            groups[number].ranges += 1;
            number
        })
        .collect();
    for row in pick(&recording.kernel_counters, &rows.kernel_counters) {
        let Some(&range) = by_index.get(&row.range_index) else { continue };
        let metric = groups[group_of[range]].metrics.entry(text(row.metric_id)).or_default();
        metric.ranges += 1;
        metric.sum.add(row.value);
        metric.min = metric.min.min(row.value);
        metric.max = metric.max.max(row.value);
    }
    let is_counted = |metric: &str| groups.iter().any(|group| group.metrics.contains_key(metric));
    let uncounted_flops = derived::uncounted(&is_counted);
    let mut rows: Vec<KernelCounterRow> = (numbers.into_iter())
        .filter_map(|(key, number)| Some(row_of(key, groups.get(number)?)))
        .collect();
    rows.sort_by(|a, b| {
        let size = |row: &KernelCounterRow| (row.flops, row.dram_bytes, row.ranges);
        size(b).cmp(&size(a)).then_with(|| (&a.name, &a.operators).cmp(&(&b.name, &b.operators)))
    });
    let without_launch = calls.iter().filter(|call| call.is_none()).count();
    let without_stack = stacks.iter().filter(|stack| stack.is_empty()).count();
    Some(KernelCounters {
        ranges: ranges.len() as i64,
        without_launch: without_launch as i64,
        without_operator: (without_stack - without_launch) as i64,
        uncounted_flops,
        rows,
    })
}

fn row_of((name, operators): Key<'_>, group: &Group<'_>) -> KernelCounterRow {
    // What is unknown of one range is unknown of their sum.
    let sum = |metric: &str| {
        let metric = group.metrics.get(metric).filter(|metric| metric.ranges == group.ranges)?;
        metric.sum.total()
    };
    let flops = derived::flops(|metric| group.metrics.contains_key(metric), sum);
    let dram_bytes = derived::dram_bytes(sum);
    let metrics = group.metrics.iter().map(|(&name, metric)| {
        let sum = metric.sum.total();
        MetricRow {
            name: name.to_owned(),
            ranges: metric.ranges,
            sum,
            mean: sum.map(|sum| sum / metric.ranges as f64),
            min: metric.min,
            max: metric.max,
        }
    });
    KernelCounterRow {
        name: name.to_owned(),
        top_operator: operators.first().map(|&name| name.to_owned()),
        bottom_operator: operators.last().map(|&name| name.to_owned()),
        operators: operators.into_iter().map(str::to_owned).collect(),
        ranges: group.ranges,
        flops,
        dram_bytes,
        intensity: flops
            .zip(dram_bytes.filter(|&bytes| bytes > 0))
            .map(|(flops, bytes)| flops as f64 / bytes as f64),
        metrics: metrics.collect(),
    }
}
