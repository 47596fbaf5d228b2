//! The kernel table, and what takes its place on a run without a GPU.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use perfagent_recording::{Recording, StringId};

use crate::category::{Categories, Decision, Labels};
use crate::distribution::distributions;
use crate::host_work::{HostWork, Kind};
use crate::nesting::Role;
use crate::operation::{Operations, Work};
use crate::own_time::Named;
use crate::report::{KernelRow, OperatorRow};
use crate::statistic::Tally;

/// How many rows have a histogram: more than any page shows, and not all of hundreds, which documents would consist of.
const HISTOGRAMS: usize = 50;

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
    operations: &Operations,
    labels: &Labels,
    window: Option<Window>,
) -> Vec<KernelRow> {
    let mut names = vec![Named::default(); recording.strings.len().max(1)];
    let defined = names.len();
    // A name that the file does not define counts under the empty text.
    let number = |name: StringId| {
        usize::try_from(name.0).ok().filter(|&number| number < defined).unwrap_or(0)
    };
    let times = || {
        operations.iter().filter_map(|operation| {
            let Work::Kernel(name) = operation.work() else { return None };
            let (start, end) = cut((operation.start, operation.end), window)?;
            Some((number(name), end.saturating_sub(start)))
        })
    };
    for (name, time) in times() {
        names[name].own.add(time);
    }
    let mut table = Table::of(recording, &names, &mut |id| labels.decision(id), false);
    table.distribute(times());
    table.rows
}

/// One row for each operator or range name, by own time.
pub(crate) fn of_host(
    recording: &Recording,
    work: &HostWork,
    labels: &Labels,
    window: Option<Window>,
) -> Vec<KernelRow> {
    let nesting = &work.nesting;
    let counts = |index: usize| {
        let role = nesting.items[index].role;
        work.kinds[index] != Kind::Frame && role != Role::Collective
    };
    let mut own = vec![0_i64; nesting.items.len()];
    for slice in &nesting.slices {
        if let Some((start, end)) = cut((slice.start, slice.end), window) {
            own[slice.item as usize] += end - start;
        }
    }
    let mut names = vec![Named::default(); recording.strings.len().max(1)];
    let defined = names.len();
    // What counts, with the number of its name and as much of it as lies in the window.
    let items = || {
        nesting.items.iter().enumerate().filter(|&(index, _)| counts(index)).filter_map(
            |(index, item)| {
                let (start, end) = cut((item.start, item.end), window)?;
                let name = usize::try_from(item.name.0).ok().filter(|&name| name < defined);
                Some((index, name.unwrap_or(0), end.saturating_sub(start)))
            },
        )
    };
    for (index, name, time) in items() {
        let is_recursive = nesting.is_recursive(index, &counts);
        names[name].add(own[index], (!is_recursive).then_some(time));
    }
    let mut table = Table::of(recording, &names, &mut |id| labels.decision(id), true);
    table.distribute(items().map(|(index, name, _)| (name, own[index])));
    table.rows
}

/// One row for each operator name, on runs with and without a GPU.
pub(crate) fn operators(
    recording: &Recording,
    names: &[Named],
    categories: &Categories<'_>,
) -> Vec<OperatorRow> {
    Table::of(recording, names, &mut |id| categories.decision(id), true)
        .rows
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

/// Rows in order of total, greatest first. Two ids with one text are one row.
struct Table {
    rows: Vec<KernelRow>,
    tallies: Vec<Tally>,
    /// The row of each name by its number.
    of_name: Vec<usize>,
}

impl Table {
    fn of(
        recording: &Recording,
        names: &[Named],
        decision: &mut dyn FnMut(StringId) -> Decision,
        nested: bool,
    ) -> Self {
        let mut by_text: BTreeMap<&str, (Named, Vec<usize>)> = BTreeMap::new();
        for (number, named) in names.iter().enumerate().filter(|(_, named)| named.own.count > 0) {
            let text = recording.strings.get(StringId(number as i64));
            let (sum, numbers) = by_text.entry(text).or_default();
            numbers.push(number);
            sum.own.merge(&named.own);
            sum.inclusive = sum.inclusive.saturating_add(named.inclusive);
        }
        let mut sums: Vec<(&str, (Named, Vec<usize>))> = by_text.into_iter().collect();
        // Those of equal total stay in order of their names.
        sums.sort_by_key(|(_, (named, _))| Reverse(named.own.total));
        let mut table = Self {
            rows: Vec::with_capacity(sums.len()),
            tallies: sums.iter().map(|(_, (named, _))| named.own).collect(),
            of_name: vec![usize::MAX; names.len()],
        };
        for (row, (name, (named, numbers))) in sums.into_iter().enumerate() {
            let first = numbers.first().copied().unwrap_or(0);
            for number in numbers {
                table.of_name[number] = row;
            }
            let (category, rule) = decision(StringId(first as i64));
            table.rows.push(KernelRow {
                name: name.to_owned(),
                category,
                rule,
                count: named.own.count,
                total_ns: named.own.total,
                mean_ns: named.own.mean(),
                min_ns: named.own.min,
                max_ns: named.own.max,
                inclusive_ns: nested.then_some(named.inclusive),
                ..KernelRow::default()
            });
        }
        table
    }

    /// Tells how the times of the rows are distributed; `times` are those that were counted, each with the number of its name.
    fn distribute(&mut self, times: impl Iterator<Item = (usize, i64)>) {
        let times = times.map(|(name, time)| (self.of_name[name], time));
        let told = distributions(&self.tallies, times, HISTOGRAMS);
        for (row, told) in self.rows.iter_mut().zip(told) {
            (row.p50_ns, row.p90_ns, row.p99_ns) = (told.p50, told.p90, told.p99);
            (row.std_ns, row.histogram) = (told.deviation, told.buckets);
        }
    }
}
