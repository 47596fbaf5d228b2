//! Collectives: which rows tell of one call, and their sums.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::file::{Call, Span};

/// A sum that nobody knows when a part of it is unknown.
fn sum(parts: impl Iterator<Item = Option<i64>>) -> Option<i64> {
    parts.sum()
}

pub(crate) fn rows(calls: &[Call], ranges: &[Span]) -> Vec<Value> {
    let ended: Vec<&Call> = calls.iter().filter(|call| !call.open).collect();
    let counted: Vec<&Call> =
        ended.iter().copied().filter(|call| !is_told_better(call, &ended, ranges)).collect();
    let key =
        |call: &Call| (call.op.clone(), call.dtype.clone(), call.group_size, call.group.clone());
    let keys: BTreeSet<_> = counted.iter().map(|call| key(call)).collect();
    keys.into_iter()
        .map(|of| {
            let calls: Vec<&Call> =
                counted.iter().copied().filter(|call| key(call) == of).collect();
            let (timed, untimed): (Vec<&Call>, Vec<&Call>) =
                calls.iter().partition(|call| call.timing != "enqueue");
            let bytes = sum(calls.iter().map(|call| call.bytes));
            // Calls that were grouped share one kernel.
            let shares = |call: &Call, other: &Call| {
                call.correlation.is_some()
                    && call.correlation == other.correlation
                    && call.start == other.start
            };
            let total: i64 = timed
                .iter()
                .enumerate()
                .filter(|(place, call)| {
                    !timed[..*place].iter().any(|earlier| shares(call, earlier))
                })
                .map(|(_, call)| call.end - call.start)
                .sum();
            let untimed_bytes: i64 = untimed.iter().map(|call| call.bytes.unwrap_or(0)).sum();
            let algbw = bytes
                .filter(|_| total > 0)
                .map(|bytes| (bytes - untimed_bytes) as f64 / total as f64);
            let (op, dtype, group_size, group) = of;
            let busbw = algbw.zip(factor(&op, group_size)).map(|(algbw, factor)| algbw * factor);
            json!({
                "op": op,
                "dtype": dtype,
                "group_size": group_size,
                "group": group,
                "count": calls.len(),
                "bytes": bytes,
                "total_ns": total,
                "algbw_gbps": algbw,
                "busbw_gbps": busbw,
                "untimed": untimed.len(),
            })
        })
        .collect()
}

/// The factors of nccl-tests.
fn factor(op: &str, ranks: Option<i64>) -> Option<f64> {
    match op {
        "all_reduce" => Some(2.0 * (ranks? - 1) as f64 / ranks? as f64),
        "all_gather" | "reduce_scatter" | "all_to_all" => Some((ranks? - 1) as f64 / ranks? as f64),
        _ => Some(1.0),
    }
}

/// NCCL's plugin knows a call best, then a range that names it, then NCCL's own range. Rows of one operation and thread tell of
/// one call when the plugin's was handed over within the other, or within the group of NCCL's calls that the other is in.
fn is_told_better(call: &Call, all: &[&Call], ranges: &[Span]) -> bool {
    if call.enqueued.is_some() || call.thread.is_none() {
        return false;
    }
    let same = |other: &&&Call| other.thread == call.thread && other.op == call.op;
    let end = group_end(call, ranges).map_or(call.end, |end| end.max(call.end));
    let by_plugin = all.iter().filter(same).any(|other| {
        other.enqueued.is_some_and(|enqueued| call.start <= enqueued && enqueued <= end)
    });
    let by_range = call.timing == "enqueue"
        && all.iter().filter(same).any(|other| {
            let is_range = other.enqueued.is_none() && other.timing == "call";
            is_range && other.start <= call.start && call.start <= other.end
        });
    by_plugin || by_range
}

/// When the outermost group of NCCL's calls ends that is open at the start of the call.
fn group_end(call: &Call, ranges: &[Span]) -> Option<i64> {
    let of_thread = |name: &'static str| {
        ranges.iter().filter(move |range| range.name == name && Some(range.thread) == call.thread)
    };
    let starts = of_thread("ncclGroupStart").map(|range| (range.start, 1));
    let ends = of_thread("ncclGroupEnd").map(|range| (range.end, -1));
    let mut changes: Vec<(i64, i64)> = starts.chain(ends).collect();
    changes.sort_unstable();
    let (mut depth, mut opened) = (0, 0);
    for (time, change) in changes {
        if depth == 0 {
            opened = time;
        }
        depth = (depth + change).max(0);
        if depth == 0 && change < 0 && opened <= call.start && call.start <= time {
            return Some(time);
        }
    }
    None
}
