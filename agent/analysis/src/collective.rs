//! Collectives by operation, element type and group, with bandwidths as nccl-tests defines them.

use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;

use perfagent_recording::table::{Collective, Timing};
use perfagent_recording::{Recording, StringId, ThreadId};
use serde::{Deserialize, Serialize};

use crate::operation::clean;
use crate::positions::Positions;
use crate::process::{ProcessRows, pick};
use crate::report::CollectiveRow;
use crate::statistic::rate_gbps;
use crate::wait::Wait;

/// One call of a numbered group as it is matched with those of other ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Call {
    /// Its row in the table.
    pub(crate) row: usize,
    /// Its number within the group.
    pub(crate) number: i64,
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) bytes: Option<i64>,
    /// Its kernel is that of no earlier call.
    pub(crate) is_first: bool,
}

/// The collectives of one process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Collectives {
    /// One row for each (operation, element type, group size, group), greatest total first.
    pub(crate) rows: Vec<CollectiveRow>,
    /// The calls that can be matched with those of other ranks.
    pub(crate) calls: Vec<Call>,
    /// The correlation id of each call whose times are those of its kernel.
    pub(crate) kernels: Vec<Option<i64>>,
}

/// The table of a process's collectives, and its calls. Collectives whose end was not seen are left out: their time says nothing
/// about bandwidth. Those of which only the handing over to the GPU is known are counted, without a time.
pub(crate) fn collectives(recording: &Recording, rows: &ProcessRows) -> Collectives {
    let mut places: BTreeMap<_, usize> = BTreeMap::new();
    let mut table: Vec<CollectiveRow> = Vec::new();
    let (mut matchable, mut of_kernels) = (Vec::new(), Vec::new());
    let mut kernels = FxHashSet::default();
    for position in counted(recording, &rows.collectives) {
        let Some(call) = recording.collectives.get(position as usize) else { continue };
        let (start, end) = clean(call.start_ns.unix_nanos(), call.end_ns.unix_nanos());
        let text = |id| Some(recording.strings.get(id).to_owned()).filter(|text| !text.is_empty());
        let key = (call.op_id, call.dtype_id, call.group_size, call.group_id);
        let place = *places.entry(key).or_insert_with(|| {
            table.push(CollectiveRow {
                op: text(call.op_id).unwrap_or_default(),
                dtype: text(call.dtype_id),
                group_size: call.group_size,
                group: text(call.group_id),
                bytes: Some(0),
                ..CollectiveRow::default()
            });
            table.len() - 1
        });
        let row = &mut table[place];
        row.count += 1;
        row.bytes = add(row.bytes, call.bytes);
        if call.timing == Timing::Enqueue {
            row.untimed += 1;
            row.untimed_bytes = row.untimed_bytes.saturating_add(call.bytes.unwrap_or(0));
            continue;
        }
        // Calls that were grouped have one kernel, whose time is theirs together.
        let is_first = call.correlation.is_none_or(|id| kernels.insert((key, id, start)));
        if is_first {
            row.total_ns = row.total_ns.saturating_add(end.saturating_sub(start));
        }
        if let Some(number) = call.sequence
            && row.group.is_some()
            && row.group_size.is_some()
            && call.timing.is_placed()
        {
            matchable.push(Call { row: place, number, start, end, bytes: call.bytes, is_first });
            of_kernels.push(call.correlation.filter(|_| call.timing == Timing::Kernel));
        }
    }
    for row in &mut table {
        let timed = row.bytes.map(|bytes| bytes.saturating_sub(row.untimed_bytes));
        row.algbw_gbps = timed.and_then(|bytes| rate_gbps(bytes, row.total_ns));
        row.busbw_gbps = on_the_bus(row, row.algbw_gbps);
    }
    let mut order: Vec<usize> = (0..table.len()).collect();
    let key = |&place: &usize| {
        let row = &table[place];
        (std::cmp::Reverse(row.total_ns), &row.op, &row.dtype, row.group_size, &row.group)
    };
    order.sort_by(|left, right| key(left).cmp(&key(right)));
    let mut places = vec![0; order.len()];
    for (new, &old) in order.iter().enumerate() {
        places[old] = new;
    }
    for call in &mut matchable {
        call.row = places[call.row];
    }
    let rows = order.iter().map(|&old| table[old].clone()).collect();
    Collectives { rows, calls: matchable, kernels: of_kernels }
}

/// Adds a call that was found on every rank of its group to its row; `wait` where the ranks have a clock in common.
pub(crate) fn add_match(row: &mut CollectiveRow, call: &Call, wait: Option<Wait>) {
    if row.matched == 0 {
        (row.matched_bytes, row.wait_ns, row.transfer_ns) = (Some(0), Some(0), Some(0));
    }
    row.matched += 1;
    row.matched_bytes = add(row.matched_bytes, call.bytes);
    if call.is_first {
        row.wait_ns = add(row.wait_ns, wait.map(|wait| wait.wait_ns));
        row.transfer_ns = add(row.transfer_ns, wait.map(|wait| wait.transfer_ns));
    }
    let transfer = row.matched_bytes.zip(row.transfer_ns);
    let transfer = transfer.and_then(|(bytes, time)| rate_gbps(bytes, time));
    row.transfer_busbw_gbps = on_the_bus(row, transfer);
}

fn on_the_bus(row: &CollectiveRow, bandwidth: Option<f64>) -> Option<f64> {
    bandwidth.zip(bus_factor(&row.op, row.group_size)).map(|(bandwidth, factor)| bandwidth * factor)
}

fn add(sum: Option<i64>, value: Option<i64>) -> Option<i64> {
    sum.zip(value).map(|(sum, value)| sum.saturating_add(value))
}

/// How many of this rank's collectives never ended within the recording.
pub(crate) fn unfinished(recording: &Recording, rows: &ProcessRows) -> usize {
    pick(&recording.collectives, &rows.collectives).filter(|call| call.open).count()
}

/// The collectives of one process at these positions that have ended, each call once.
///
/// One call may be told by NCCL's plugin, by a range that names it, and by NCCL's own range. The plugin
/// knows best; a range that names it knows more than NCCL's. Two tell of the same call when they have
/// the operation and the thread in common and the one lies within the other. What is called within a
/// group of NCCL's is handed over, and told of by the plugin, when the group ends.
pub(crate) fn counted(recording: &Recording, positions: &Positions) -> Vec<u32> {
    let calls = || {
        let calls = positions.iter().zip(pick(&recording.collectives, positions));
        calls.filter(|(_, call)| !call.open)
    };
    let plugin = Instants::of(
        calls().filter_map(|(_, call)| Some((key(&call)?, call.enqueued_ns?.unix_nanos()))),
    );
    let named = Spans::of(calls().filter_map(|(_, call)| {
        let is_range = call.enqueued_ns.is_none() && call.timing == Timing::Call;
        is_range.then(|| Some((key(&call)?, span(&call)))).flatten()
    }));
    let groups = if plugin.0.is_empty() { Groups::default() } else { Groups::of(recording) };
    calls()
        .filter(|(_, call)| {
            let Some(key) = key(call).filter(|_| call.enqueued_ns.is_none()) else { return true };
            let (start, end) = span(call);
            let end = groups.end_of(key.0, start).map_or(end, |group_end| group_end.max(end));
            let is_told_by_plugin = plugin.any_within(key, (start, end));
            let is_named = || call.timing == Timing::Enqueue && named.any_around(key, span(call).0);
            !is_told_by_plugin && !is_named()
        })
        .map(|(position, _)| position)
        .collect()
}

/// NCCL's groups, from its own ranges: on each thread the outermost ones, whose ends hand over everything within.
#[derive(Default)]
struct Groups(FxHashMap<ThreadId, Vec<(i64, i64)>>);

impl Groups {
    fn of(recording: &Recording) -> Self {
        let mut steps: FxHashMap<ThreadId, Vec<(i64, i32)>> = FxHashMap::default();
        for range in &recording.ranges {
            let step = match recording.strings.get(range.name_id) {
                "ncclGroupStart" => (range.start_ns.unix_nanos(), 1),
                "ncclGroupEnd" => (range.end_ns.unix_nanos(), -1),
                _ => continue,
            };
            steps.entry(range.thread_id).or_default().push(step);
        }
        Self(steps.into_iter().map(|(thread, steps)| (thread, outermost(steps))).collect())
    }

    /// The end of the group that is open on a thread at this time, if one is.
    fn end_of(&self, thread: ThreadId, time: i64) -> Option<i64> {
        let groups = self.0.get(&thread)?;
        let later = groups.partition_point(|&(start, _)| start <= time);
        let &(_, end) = groups.get(later.checked_sub(1)?)?;
        (time <= end).then_some(end)
    }
}

/// Where groups that may nest are open, from where each opens (1) and closes (-1).
fn outermost(mut steps: Vec<(i64, i32)>) -> Vec<(i64, i64)> {
    steps.sort_unstable();
    let (mut groups, mut depth, mut opened) = (Vec::new(), 0, 0);
    for (time, step) in steps {
        if depth == 0 {
            opened = time;
        }
        // A group that was open when recording began closes without having opened.
        depth = (depth + step).max(0);
        if depth == 0 && step < 0 {
            groups.push((opened, time));
        }
    }
    groups
}

type Key = (ThreadId, StringId);

fn key(call: &Collective) -> Option<Key> {
    Some((call.thread_id?, call.op_id))
}

fn span(call: &Collective) -> (i64, i64) {
    clean(call.start_ns.unix_nanos(), call.end_ns.unix_nanos())
}

/// Instants by key, in order.
struct Instants(FxHashMap<Key, Vec<i64>>);

impl Instants {
    fn of(instants: impl Iterator<Item = (Key, i64)>) -> Self {
        let mut by_key: FxHashMap<Key, Vec<i64>> = FxHashMap::default();
        for (key, instant) in instants {
            by_key.entry(key).or_default().push(instant);
        }
        for instants in by_key.values_mut() {
            instants.sort_unstable();
        }
        Self(by_key)
    }

    fn any_within(&self, key: Key, (start, end): (i64, i64)) -> bool {
        let Some(instants) = self.0.get(&key) else { return false };
        let first = instants.partition_point(|&instant| instant < start);
        instants.get(first).is_some_and(|&instant| instant <= end)
    }
}

/// Spans by key, in order of their starts, each with the latest end up to it.
struct Spans(FxHashMap<Key, Vec<(i64, i64)>>);

impl Spans {
    fn of(spans: impl Iterator<Item = (Key, (i64, i64))>) -> Self {
        let mut by_key: FxHashMap<Key, Vec<(i64, i64)>> = FxHashMap::default();
        for (key, span) in spans {
            by_key.entry(key).or_default().push(span);
        }
        for spans in by_key.values_mut() {
            spans.sort_unstable();
            let mut latest = i64::MIN;
            for (_, end) in spans {
                latest = latest.max(*end);
                *end = latest;
            }
        }
        Self(by_key)
    }

    fn any_around(&self, key: Key, instant: i64) -> bool {
        let Some(spans) = self.0.get(&key) else { return false };
        let after = spans.partition_point(|&(start, _)| start <= instant);
        after
            .checked_sub(1)
            .and_then(|last| spans.get(last))
            .is_some_and(|&(_, end)| end >= instant)
    }
}

/// How often each byte of the message crosses the slowest link, for `ranks` ranks; `None` when the
/// operation depends on a number of ranks that is unknown.
#[must_use]
pub fn bus_factor(op: &str, ranks: Option<i64>) -> Option<f64> {
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
