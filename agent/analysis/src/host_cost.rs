//! What waiting for the GPU, and recording it, cost the host.

use std::collections::BTreeMap;

use perfagent_recording::{ProcessId, Recording, Timestamp};

use crate::operation::clean;
use crate::report::HostCostRow;
use crate::statistic::Tally;

/// Waits of one process by what was waited for, greatest total first.
pub(crate) fn synchronizations(recording: &Recording, process: ProcessId) -> Vec<HostCostRow> {
    let waits = recording.synchronizations.iter().filter(|wait| wait.process_id == process);
    by_kind(waits.map(|wait| (wait.kind.as_str(), wait.start_ns, wait.end_ns)))
}

/// Overheads of one process by kind, greatest total first.
pub(crate) fn overheads(recording: &Recording, process: ProcessId) -> Vec<HostCostRow> {
    let overheads = recording.overheads.iter().filter(|overhead| overhead.process_id == process);
    by_kind(overheads.map(|overhead| {
        (recording.strings.get(overhead.kind_id), overhead.start_ns, overhead.end_ns)
    }))
}

fn by_kind<'a>(rows: impl Iterator<Item = (&'a str, Timestamp, Timestamp)>) -> Vec<HostCostRow> {
    let mut kinds: BTreeMap<&str, Tally> = BTreeMap::new();
    for (kind, start, end) in rows {
        let (start, end) = clean(start.unix_nanos(), end.unix_nanos());
        kinds.entry(kind).or_default().add(end.saturating_sub(start));
    }
    let mut rows: Vec<_> = kinds
        .into_iter()
        .map(|(kind, Tally { count, total, .. })| HostCostRow {
            kind: kind.to_owned(),
            count,
            total_ns: total,
        })
        .collect();
    rows.sort_by_key(|row| -row.total_ns);
    rows
}
