//! Figures of GPU operations.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::cover::Class;
use crate::file::Operation;
use crate::rule::Rules;
use crate::table::{Table, mean, percentile};

/// When what ran.
pub(crate) fn stretches(operations: &[Operation], rules: &Rules) -> Vec<(i64, i64, Class)> {
    let class = |operation: &Operation| match &operation.kernel {
        Some(name) if rules.is_communication(name) => Class::Communication,
        Some(_) => Class::Compute,
        None => Class::Copy,
    };
    operations.iter().map(|operation| (operation.start, operation.end, class(operation))).collect()
}

pub(crate) fn kernels(operations: &[Operation], rules: &Rules) -> Vec<Value> {
    let mut table = Table::default();
    for operation in operations {
        if let Some(name) = &operation.kernel {
            table.add(name, operation.end - operation.start);
        }
    }
    table.rows(|name| rules.category(name).to_owned())
}

pub(crate) fn copies(operations: &[Operation]) -> Vec<Value> {
    let kinds: BTreeSet<&String> =
        operations.iter().filter_map(|operation| operation.copy.as_ref()).collect();
    let row = |kind: &String| {
        let of_kind =
            || operations.iter().filter(|operation| operation.copy.as_ref() == Some(kind));
        let total: i64 = of_kind().map(|copy| copy.end - copy.start).sum();
        let bytes: i64 = of_kind().map(|copy| copy.bytes).sum();
        json!({
            "kind": kind,
            "count": of_kind().count(),
            "total_ns": total,
            "bytes": bytes,
            "gbps": (total > 0).then(|| bytes as f64 / total as f64),
        })
    };
    kinds.into_iter().map(row).collect()
}

pub(crate) fn launch(operations: &[Operation]) -> Value {
    let delays: Vec<i64> = operations
        .iter()
        .filter_map(|operation| Some(operation.start - operation.launched?))
        .collect();
    json!({
        "count": delays.len(),
        "mean_delay_ns": mean(&delays),
        "p50_delay_ns": percentile(&delays, 50),
        "p99_delay_ns": percentile(&delays, 99),
        "unlinked": operations.len() - delays.len(),
    })
}

pub(crate) fn idle_causes(operations: &[Operation]) -> Vec<Value> {
    let mut streams: BTreeMap<(i64, i64), Vec<&Operation>> = BTreeMap::new();
    for operation in operations {
        streams.entry((operation.device, operation.stream)).or_default().push(operation);
    }
    let row = |((device, stream), mut operations): ((i64, i64), Vec<&Operation>)| {
        operations.sort_by_key(|operation| (operation.start, operation.end));
        let (mut host, mut kernel, mut other) = (0, 0, 0);
        let mut end = operations[0].start;
        for operation in operations {
            let gap = operation.start - end;
            if gap <= 0 {
                // Something earlier still runs.
            } else if operation.launched.is_some_and(|launched| launched > end) {
                host += gap;
            } else if gap < 30_000 {
                kernel += gap;
            } else {
                other += gap;
            }
            end = end.max(operation.end);
        }
        json!({
            "device": device,
            "stream": stream,
            "host_wait_ns": host,
            "kernel_wait_ns": kernel,
            "other_ns": other,
        })
    };
    streams.into_iter().map(row).collect()
}
