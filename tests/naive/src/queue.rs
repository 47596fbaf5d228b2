//! Launches that wait for their stream.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::file::Operation;

/// A row for each stream.
pub(crate) fn rows(operations: &[Operation]) -> Vec<Value> {
    let mut streams: BTreeMap<(i64, i64), Vec<&Operation>> = BTreeMap::new();
    for operation in operations {
        streams.entry((operation.device, operation.stream)).or_default().push(operation);
    }
    streams.into_iter().map(|(stream, operations)| row(stream, &operations)).collect()
}

fn row((device, stream): (i64, i64), operations: &[&Operation]) -> Value {
    // From when to when each launch waits, by what its operations have in common.
    let mut waits: BTreeMap<Option<i64>, (i64, i64)> = BTreeMap::new();
    let (mut left_out, mut end) = (0, i64::MIN);
    for operation in operations {
        match operation.launched.filter(|&launched| launched <= operation.start) {
            Some(launched) => {
                let wait =
                    waits.entry(operation.correlation).or_insert((launched, operation.start));
                wait.1 = wait.1.min(operation.start);
                end = end.max(operation.end);
            }
            None => left_out += 1,
        }
    }
    let mut row = json!({
        "device": device,
        "stream": stream,
        "launches": waits.len(),
        "left_out": left_out,
    });
    let Some(begin) = waits.values().map(|wait| wait.0).min() else { return row };
    let mut entered: Vec<i64> = waits.values().map(|wait| wait.0).collect();
    let mut left: Vec<i64> = waits.values().map(|wait| wait.1).collect();
    entered.sort_unstable();
    left.sort_unstable();
    // Those that have entered by then, without those that have left before.
    let seen = |time: i64| {
        entered.partition_point(|&enters| enters <= time) as i64
            - left.partition_point(|&leaves| leaves < time) as i64
    };
    // The most is seen at the begin of a stretch, or when one enters.
    let most = |from: i64, until: i64| {
        let enters = entered.iter().copied().filter(|time| (from..=until).contains(time));
        enters.chain([from]).map(seen).max()
    };
    row["window_ns"] = (end - begin).into();
    row["max"] = most(begin, end).into();
    if end == begin {
        return row;
    }
    // Two for each that enters and for each that leaves.
    let stretches = (4 * waits.len() as i64).clamp(8, 256);
    let stretch = (end - begin + stretches - 1) / stretches;
    let (mut means, mut mosts) = (Vec::new(), Vec::new());
    let mut from = begin;
    while from < end {
        let until = (from + stretch).min(end);
        let within = |&(enters, leaves): &(i64, i64)| (leaves.min(until) - enters.max(from)).max(0);
        let area: i64 = waits.values().map(within).sum();
        means.push((1e9 * (area as f64 / (until - from) as f64)).round() / 1e9);
        mosts.push(most(from, if until == end { end } else { until - 1 }));
        from = until;
    }
    row["length_over_time"] = json!({
        "start_ns": begin,
        "length_ns": end - begin,
        "stretch_ns": stretch,
        "mean": means,
        "max": mosts,
    });
    row
}
