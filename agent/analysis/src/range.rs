//! NVTX ranges by name.

use std::collections::BTreeMap;

use perfagent_recording::Recording;

use crate::operation::clean;
use crate::process::{ProcessRows, pick};
use crate::report::RangeRow;
use crate::statistic::Tally;

/// One row for each (domain, name), greatest total first; ranges whose end was not seen are left out.
pub(crate) fn ranges(recording: &Recording, rows: &ProcessRows) -> Vec<RangeRow> {
    let mut names: BTreeMap<_, Tally> = BTreeMap::new();
    for range in pick(&recording.ranges, &rows.ranges).filter(|range| !range.open) {
        let (start, end) = clean(range.start_ns.unix_nanos(), range.end_ns.unix_nanos());
        names.entry((range.domain_id, range.name_id)).or_default().add(end.saturating_sub(start));
    }
    let mut table: Vec<RangeRow> = names
        .into_iter()
        .map(|((domain, name), tally)| RangeRow {
            name: recording.strings.get(name).to_owned(),
            domain: recording.strings.get(domain).to_owned(),
            count: tally.count,
            total_ns: tally.total,
            mean_ns: tally.mean(),
            min_ns: tally.min,
            max_ns: tally.max,
        })
        .collect();
    table.sort_by(|a, b| b.total_ns.cmp(&a.total_ns).then_with(|| a.name.cmp(&b.name)));
    table
}
