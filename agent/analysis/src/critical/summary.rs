//! A critical path in figures.

use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

use perfagent_recording::Recording;

use super::CriticalPath;
use crate::report::{CriticalKind, CriticalName, CriticalPathFigures};
use crate::statistic::share_pct;

/// How many names the table holds.
const TOP_NAMES: usize = 50;

/// Totals by kind and by name; `None` for a path of nothing.
pub(crate) fn summary(recording: &Recording, path: &CriticalPath) -> Option<CriticalPathFigures> {
    if path.segments.is_empty() {
        return None;
    }
    let window_ns = path.window.1 - path.window.0;
    let mut kinds: BTreeMap<_, (i64, i64)> = BTreeMap::new();
    let mut names: FxHashMap<_, (i64, i64)> = FxHashMap::default();
    for segment in &path.segments {
        let time = segment.end_ns - segment.start_ns;
        let kind = kinds.entry(segment.kind).or_default();
        *kind = (kind.0 + 1, kind.1 + time);
        let name = names.entry((segment.kind, segment.name)).or_default();
        *name = (name.0 + 1, name.1 + time);
    }
    let share = |time: i64| share_pct(time, window_ns).unwrap_or(0.0);
    let mut by_kind: Vec<CriticalKind> = kinds
        .into_iter()
        .map(|(kind, (count, total_ns))| CriticalKind {
            kind: kind.as_str().to_owned(),
            count,
            total_ns,
            share_pct: share(total_ns),
            ..CriticalKind::default()
        })
        .collect();
    by_kind.sort_by_key(|row| -row.total_ns);
    // Two ids may have one text.
    let mut by_text: BTreeMap<_, (i64, i64)> = BTreeMap::new();
    for ((kind, name), (count, time)) in names {
        let sum = by_text.entry((kind, name.text(recording))).or_default();
        *sum = (sum.0 + count, sum.1 + time);
    }
    let mut by_name: Vec<CriticalName> = by_text
        .into_iter()
        .map(|((kind, name), (count, total_ns))| CriticalName {
            name: name.to_owned(),
            kind: kind.as_str().to_owned(),
            count,
            total_ns,
            share_pct: share(total_ns),
        })
        .collect();
    by_name.sort_by_key(|row| -row.total_ns);
    by_name.truncate(TOP_NAMES);
    let (start_ns, segments) = (path.window.0, path.segments.len() as i64);
    Some(CriticalPathFigures { start_ns, window_ns, segments, by_kind, by_name })
}
