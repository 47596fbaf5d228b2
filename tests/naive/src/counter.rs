//! Hardware counters by kernel and operators.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::file::{Measured, Span};

/// Which counter makes how many floating-point operations.
const OPERATIONS: [(&str, f64); 9] = [
    ("smsp__sass_thread_inst_executed_op_fadd_pred_on.sum", 1.0),
    ("smsp__sass_thread_inst_executed_op_fmul_pred_on.sum", 1.0),
    ("smsp__sass_thread_inst_executed_op_ffma_pred_on.sum", 2.0),
    ("smsp__sass_thread_inst_executed_op_hadd_pred_on.sum", 1.0),
    ("smsp__sass_thread_inst_executed_op_hmul_pred_on.sum", 1.0),
    ("smsp__sass_thread_inst_executed_op_hfma_pred_on.sum", 2.0),
    ("smsp__sass_thread_inst_executed_op_dadd_pred_on.sum", 1.0),
    ("smsp__sass_thread_inst_executed_op_dmul_pred_on.sum", 1.0),
    ("smsp__sass_thread_inst_executed_op_dfma_pred_on.sum", 2.0),
];

/// The operators around a launch, outermost first.
fn around(launch: Option<(i64, i64, i64)>, operators: &[Span]) -> Vec<String> {
    let Some((thread, start, end)) = launch else { return Vec::new() };
    let mut around: Vec<&Span> = operators
        .iter()
        .filter(|span| span.thread == thread && span.start <= start && span.end >= end)
        .collect();
    around.sort_by_key(|span| (span.start, -span.end, span.depth, span.number));
    around.into_iter().map(|span| span.name.clone()).collect()
}

pub(crate) fn counters(measured: &[Measured], operators: &[Span]) -> Value {
    let mut ranges: BTreeMap<i64, Vec<&Measured>> = BTreeMap::new();
    for row in measured {
        ranges.entry(row.range).or_default().push(row);
    }
    let mut groups: BTreeMap<(String, Vec<String>), Vec<&Vec<&Measured>>> = BTreeMap::new();
    let (mut without_launch, mut without_operator) = (0, 0);
    for range in ranges.values() {
        let stack = around(range[0].launch, operators);
        match range[0].launch {
            None => without_launch += 1,
            Some(_) => without_operator += i32::from(stack.is_empty()),
        }
        groups.entry((range[0].kernel.clone(), stack)).or_default().push(range);
    }
    let rows: Vec<Value> = groups.into_iter().map(|(key, ranges)| row(key, &ranges)).collect();
    json!({
        "ranges": ranges.len(),
        "without_launch": without_launch,
        "without_operator": without_operator,
        "rows": rows,
    })
}

fn row((name, operators): (String, Vec<String>), ranges: &[&Vec<&Measured>]) -> Value {
    let of = |metric: &str| -> Vec<f64> {
        let rows = ranges.iter().flat_map(|range| range.iter());
        rows.filter(|row| row.metric == metric).map(|row| row.value).collect()
    };
    let sum_of_all = |metric: &str| {
        let values = of(metric);
        (values.len() == ranges.len()).then(|| values.iter().sum::<f64>())
    };
    let counted: Vec<_> = OPERATIONS.iter().filter(|(metric, _)| !of(metric).is_empty()).collect();
    let flops: Option<f64> =
        counted.iter().map(|(metric, each)| Some((sum_of_all(metric)? * each).round())).sum();
    let flops = flops.filter(|_| !counted.is_empty());
    let read = sum_of_all("dram__bytes_read.sum");
    let bytes = read.zip(sum_of_all("dram__bytes_write.sum"));
    let bytes = bytes.map(|(read, written)| read.round() + written.round());
    let mut names: Vec<&String> =
        ranges.iter().flat_map(|range| range.iter().map(|row| &row.metric)).collect();
    names.sort();
    names.dedup();
    let metrics: Vec<Value> = names
        .into_iter()
        .map(|name| {
            let values = of(name);
            let sum: f64 = values.iter().sum();
            json!({
                "name": name,
                "ranges": values.len(),
                "sum": sum,
                "mean": sum / values.len() as f64,
                "min": values.iter().copied().fold(f64::INFINITY, f64::min),
                "max": values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            })
        })
        .collect();
    json!({
        "name": name,
        "top_operator": operators.first(),
        "bottom_operator": operators.last(),
        "operators": operators,
        "ranges": ranges.len(),
        "flops": flops.map(|flops| flops as i64),
        "dram_bytes": bytes.map(|bytes| bytes as i64),
        "intensity": flops.zip(bytes.filter(|&bytes| bytes > 0.0)).map(|(flops, bytes)| flops / bytes),
        "metrics": metrics,
    })
}
