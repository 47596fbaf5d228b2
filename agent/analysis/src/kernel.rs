//! The kernel table, and what takes its place on a run without a GPU.

use std::collections::BTreeMap;

use perfagent_recording::{Recording, StringId};

use crate::category::{Categories, Decision, Labels};
use crate::host_work::{HostWork, Kind};
use crate::nesting::{Nesting, Role};
use crate::operation::clean;
use crate::own_time::Named;
use crate::process::{ProcessRows, pick};
use crate::report::{KernelRow, OperatorRow};

/// A stretch of time `[start, end)` that a table is restricted to, ns since the Unix epoch.
pub(crate) type Window = (i64, i64);

/// The part of `span` within `window`; `None` when it has none. A span of no length is within the
/// window that holds its instant.
fn cut(span: (i64, i64), window: Option<Window>) -> Option<(i64, i64)> {
    let Some((from, until)) = window else { return Some(span) };
    let (start, end) = (span.0.max(from), span.1.min(until));
    (start < end || (span.0 == span.1 && from <= span.0 && span.0 < until)).then_some((start, end))
}

/// One row for each kernel name.
pub(crate) fn of_gpu(
    recording: &Recording,
    rows: &ProcessRows,
    labels: &Labels,
    window: Option<Window>,
) -> Vec<KernelRow> {
    let mut names = vec![Named::default(); recording.strings.len().max(1)];
    for kernel in pick(&recording.kernels, &rows.kernels) {
        let span = clean(kernel.start_ns.unix_nanos(), kernel.end_ns.unix_nanos());
        let Some((start, end)) = cut(span, window) else { continue };
        let index = usize::try_from(kernel.name_id.0).unwrap_or(0);
        // A name that the file does not define counts under the empty text.
        let index = if index < names.len() { index } else { 0 };
        names[index].own.add(end.saturating_sub(start));
    }
    table(recording, &names, &mut |id| labels.decision(id), false)
}

/// One row for each operator or range name, by own time.
pub(crate) fn of_host(
    recording: &Recording,
    work: &HostWork,
    labels: &Labels,
    window: Option<Window>,
) -> Vec<KernelRow> {
    let counts = |index: usize| {
        let role = work.nesting.items[index].role;
        work.kinds[index] != Kind::Frame && role != Role::Collective
    };
    let names = by_name(recording, &work.nesting, &counts, window);
    table(recording, &names, &mut |id| labels.decision(id), true)
}

/// One row for each operator name, on runs with and without a GPU.
pub(crate) fn operators(
    recording: &Recording,
    names: &[Named],
    categories: &mut Categories<'_>,
) -> Vec<OperatorRow> {
    table(recording, names, &mut |id| categories.decision(id), true)
        .into_iter()
        .map(|row| {
            let inclusive_ns = row.inclusive_ns.unwrap_or(0);
            OperatorRow {
                mean_ns: if row.count > 0 { inclusive_ns as f64 / row.count as f64 } else { 0.0 },
                name: row.name,
                category: row.category,
                rule: row.rule,
                count: row.count,
                self_ns: row.total_ns,
                inclusive_ns,
            }
        })
        .collect()
}

fn by_name(
    recording: &Recording,
    nesting: &Nesting,
    counts: &dyn Fn(usize) -> bool,
    window: Option<Window>,
) -> Vec<Named> {
    let mut own = vec![0_i64; nesting.items.len()];
    for slice in &nesting.slices {
        if let Some((start, end)) = cut((slice.start, slice.end), window) {
            own[slice.item as usize] += end - start;
        }
    }
    let mut names = vec![Named::default(); recording.strings.len().max(1)];
    for (index, item) in nesting.items.iter().enumerate().filter(|&(index, _)| counts(index)) {
        let Some((start, end)) = cut((item.start, item.end), window) else { continue };
        let name = usize::try_from(item.name.0).unwrap_or(0);
        let name = if name < names.len() { name } else { 0 };
        let is_recursive = nesting.is_recursive(index, counts);
        names[name].add(own[index], (!is_recursive).then(|| end.saturating_sub(start)));
    }
    names
}

/// Rows in order of total, greatest first. Two ids with one text are one row.
fn table(
    recording: &Recording,
    names: &[Named],
    decision: &mut dyn FnMut(StringId) -> Decision,
    nested: bool,
) -> Vec<KernelRow> {
    let mut by_text: BTreeMap<&str, (Named, StringId)> = BTreeMap::new();
    for (index, named) in names.iter().enumerate().filter(|(_, named)| named.own.count > 0) {
        let id = StringId(index as i64);
        let (sum, _) = by_text.entry(recording.strings.get(id)).or_insert((Named::default(), id));
        sum.own.merge(&named.own);
        sum.inclusive = sum.inclusive.saturating_add(named.inclusive);
    }
    let mut rows: Vec<KernelRow> = by_text
        .into_iter()
        .map(|(name, (named, id))| {
            let (category, rule) = decision(id);
            KernelRow {
                name: name.to_owned(),
                category,
                rule,
                count: named.own.count,
                total_ns: named.own.total,
                mean_ns: named.own.mean(),
                min_ns: named.own.min,
                max_ns: named.own.max,
                inclusive_ns: nested.then_some(named.inclusive),
            }
        })
        .collect();
    rows.sort_by(|a, b| b.total_ns.cmp(&a.total_ns).then_with(|| a.name.cmp(&b.name)));
    rows
}
