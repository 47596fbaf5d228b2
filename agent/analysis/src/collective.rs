//! Collectives by operation, element type and group, with bandwidths as nccl-tests defines them.

use std::collections::BTreeMap;

use perfagent_recording::Recording;

use crate::operation::clean;
use crate::process::{ProcessRows, pick};
use crate::report::CollectiveRow;
use crate::statistic::rate_gbps;

/// One row for each (operation, element type, group size, group), greatest total first. Collectives
/// whose end was not seen are left out: their time says nothing about bandwidth.
pub(crate) fn collectives(recording: &Recording, rows: &ProcessRows) -> Vec<CollectiveRow> {
    let mut table: BTreeMap<_, CollectiveRow> = BTreeMap::new();
    for call in pick(&recording.collectives, &rows.collectives).filter(|call| !call.open) {
        let (start, end) = clean(call.start_ns.unix_nanos(), call.end_ns.unix_nanos());
        let text = |id| Some(recording.strings.get(id).to_owned()).filter(|text| !text.is_empty());
        let row = table
            .entry((call.op_id, call.dtype_id, call.group_size, call.group_id))
            .or_insert_with(|| CollectiveRow {
                op: text(call.op_id).unwrap_or_default(),
                dtype: text(call.dtype_id),
                group_size: call.group_size,
                group: text(call.group_id),
                bytes: Some(0),
                ..CollectiveRow::default()
            });
        row.count += 1;
        row.total_ns = row.total_ns.saturating_add(end.saturating_sub(start));
        row.bytes = row.bytes.zip(call.bytes).map(|(sum, bytes)| sum.saturating_add(bytes));
    }
    let mut table: Vec<CollectiveRow> = table.into_values().collect();
    for row in &mut table {
        row.algbw_gbps = row.bytes.and_then(|bytes| rate_gbps(bytes, row.total_ns));
        row.busbw_gbps = row
            .algbw_gbps
            .zip(bus_factor(&row.op, row.group_size))
            .map(|(bandwidth, factor)| bandwidth * factor);
    }
    table.sort_by(|a, b| b.total_ns.cmp(&a.total_ns).then_with(|| a.op.cmp(&b.op)));
    table
}

/// How many of this rank's collectives never ended within the recording.
pub(crate) fn unfinished(recording: &Recording, rows: &ProcessRows) -> usize {
    pick(&recording.collectives, &rows.collectives).filter(|call| call.open).count()
}

/// How often each byte of the message crosses the slowest link, for `ranks` ranks; `None` when the
/// operation depends on a number of ranks that is unknown.
fn bus_factor(op: &str, ranks: Option<i64>) -> Option<f64> {
    let others = || ranks.filter(|&n| n > 0).map(|n| (n - 1) as f64 / n as f64);
    match op {
        "all_reduce" => others().map(|share| 2.0 * share),
        "all_gather" | "reduce_scatter" | "all_to_all" => others(),
        _ => Some(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::bus_factor;

    #[test]
    fn bus_factors_are_those_of_nccl_tests() {
        assert_eq!(bus_factor("all_reduce", Some(4)), Some(1.5));
        assert_eq!(bus_factor("all_reduce", Some(1)), Some(0.0));
        assert_eq!(bus_factor("all_gather", Some(4)), Some(0.75));
        assert_eq!(bus_factor("reduce_scatter", None), None);
        assert_eq!(bus_factor("broadcast", None), Some(1.0));
    }
}
