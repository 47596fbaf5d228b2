//! Copies and memsets by kind.

use std::collections::BTreeMap;

use perfagent_recording::Recording;
use perfagent_recording::table::CopyKind;

use crate::operation::clean;
use crate::process::{ProcessRows, pick};
use crate::report::CopyRow;
use crate::statistic::{Tally, rate_gbps};

/// One row a kind, greatest total first.
pub(crate) fn copies(recording: &Recording, rows: &ProcessRows) -> Vec<CopyRow> {
    let mut kinds: BTreeMap<CopyKind, (Tally, i64)> = BTreeMap::new();
    for copy in pick(&recording.copies, &rows.copies) {
        let (start, end) = clean(copy.start_ns.unix_nanos(), copy.end_ns.unix_nanos());
        let (tally, bytes) = kinds.entry(copy.kind).or_default();
        tally.add(end.saturating_sub(start));
        *bytes = bytes.saturating_add(copy.bytes);
    }
    let mut table: Vec<CopyRow> = kinds
        .into_iter()
        .map(|(kind, (tally, bytes))| CopyRow {
            kind: kind.as_str().to_owned(),
            count: tally.count,
            total_ns: tally.total,
            bytes,
            gbps: rate_gbps(bytes, tally.total),
        })
        .collect();
    table.sort_by_key(|row| -row.total_ns);
    table
}
