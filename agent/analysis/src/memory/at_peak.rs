//! What was alive when most was allocated.

use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::collections::BTreeMap;

use perfagent_recording::{Recording, StringId, ThreadId};

use super::alive::Alive;
use super::change::{Change, Changes};
use super::operator::{Moment, operators_at};
use crate::process::{ProcessRows, pick};
use crate::report::{AtPeak, PeakGroup};

/// Kind, site and operator.
type Key = (Option<StringId>, Option<StringId>, Option<StringId>);

pub(super) fn at_peak(
    recording: &Recording,
    rows: &ProcessRows,
    Changes(changes): &Changes,
) -> Option<AtPeak> {
    let (peak, level) = peak(changes)?;
    let mut alive = Alive::before(changes);
    for (index, change) in changes.iter().enumerate().take(peak + 1) {
        alive.apply(index, change);
    }
    let groups = groups(recording, rows, changes, &alive);
    let seen = groups.iter().fold(0, |sum: i64, group| sum.saturating_add(group.bytes));
    Some(AtPeak {
        time_ns: changes.get(peak)?.time,
        allocated_bytes: level,
        groups,
        unseen_bytes: level.saturating_sub(seen),
        unmatched_frees: alive.unmatched_frees,
        missing_frees: alive.missing_frees,
    })
}

/// The number of the first change after which most is allocated, and how much that is.
fn peak(changes: &[Change]) -> Option<(usize, i64)> {
    let mut alive = Alive::before(changes);
    let mut peak = None;
    for (index, change) in changes.iter().enumerate() {
        alive.apply(index, change);
        if peak.is_none_or(|(_, level)| alive.level > level) {
            peak = Some((index, alive.level));
        }
    }
    peak.filter(|_| changes.iter().any(|change| change.bytes.is_some()))
}

fn groups(
    recording: &Recording,
    rows: &ProcessRows,
    changes: &[Change],
    alive: &Alive,
) -> Vec<PeakGroup> {
    let blocks: Vec<(&Change, i64)> = alive
        .blocks
        .values()
        .filter_map(|block| Some((changes.get(block.change as usize)?, block.bytes)))
        .collect();
    let without: Vec<&Change> =
        blocks.iter().map(|(change, _)| *change).filter(|change| change.site.is_none()).collect();
    let threads = threads(recording, rows, &without);
    let moments: Vec<Moment> = without
        .iter()
        .map(|change| {
            let thread = change.correlation.and_then(|correlation| threads.get(&correlation));
            (change.time, thread.copied())
        })
        .collect();
    let mut operators = operators_at(recording, rows, &moments).into_iter();

    let mut groups: BTreeMap<Key, (i64, i64, i64)> = BTreeMap::new();
    let mut add = |key: Key, bytes: i64, count: i64, time: i64| {
        let group = groups.entry(key).or_insert((0, 0, i64::MAX));
        *group = (group.0.saturating_add(bytes), group.1 + count, group.2.min(time));
    };
    for &(change, bytes) in &blocks {
        let operator = if change.site.is_none() { operators.next().flatten() } else { None };
        add((change.kind, change.site, operator), bytes, 1, change.time);
    }
    for (&(_, kind, site), sum) in &alive.sums {
        if sum.bytes != 0 {
            let time = changes.get(sum.first as usize).map_or(i64::MAX, |change| change.time);
            add((kind, site, None), sum.bytes, sum.count.max(0), time);
        }
    }
    let text = |id: Option<StringId>| id.map(|id| recording.strings.get(id).to_owned());
    let mut groups: Vec<PeakGroup> = groups
        .into_iter()
        .map(|((kind, site, operator), (bytes, count, oldest))| PeakGroup {
            kind: text(kind),
            site: text(site),
            operator: text(operator),
            bytes,
            count,
            oldest_ns: (oldest != i64::MAX).then_some(oldest),
        })
        .collect();
    groups.sort_by(|a, b| (Reverse(a.bytes), a).cmp(&(Reverse(b.bytes), b)));
    groups
}

/// The threads whose calls asked for some changes, by correlation.
fn threads(
    recording: &Recording,
    rows: &ProcessRows,
    changes: &[&Change],
) -> FxHashMap<i64, ThreadId> {
    let mut wanted: Vec<i64> = changes.iter().filter_map(|change| change.correlation).collect();
    if wanted.is_empty() {
        return FxHashMap::default();
    }
    wanted.sort_unstable();
    pick(&recording.api_calls, &rows.api_calls)
        .filter_map(|call| Some((call.correlation?, call.thread_id)))
        .filter(|(correlation, _)| wanted.binary_search(correlation).is_ok())
        .collect()
}
