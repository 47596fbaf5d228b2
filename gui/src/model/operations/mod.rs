//! What ran, by name: the rows of the table, taken from the report's figures.

pub mod percentiles;
pub mod rates;
pub mod rows;

use std::cmp::Ordering;
use std::collections::HashMap;

use perfagent_analysis::Report;
use perfagent_analysis::report::{Basis, Rank};

use super::names::{NameId, Names};
use super::track::TrackKind;

/// All runs of one name on one rank, or on several when merged.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// Its name.
    pub name: NameId,
    /// What it is.
    pub kind: TrackKind,
    /// What it is for, as the report classes it.
    pub category: String,
    /// The process it ran in: recording and process id. `None` when merged.
    pub process: Option<(usize, i64)>,
    /// How often it ran.
    pub count: i64,
    /// Sum of its times, without what is nested in it where the report knows that, ns.
    pub total_ns: i64,
    /// Least time, ns.
    pub min_ns: Option<i64>,
    /// Greatest time, ns.
    pub max_ns: Option<i64>,
    /// Its part of the time of its kind, 0 to 1.
    pub share: f64,
}

impl Operation {
    /// Mean time, ns.
    #[must_use]
    pub fn mean_ns(&self) -> i64 {
        self.total_ns / self.count.max(1)
    }
}

/// A column of the table that it can be ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// By name.
    Name,
    /// By category.
    Category,
    /// By number of runs.
    Count,
    /// By the sum of the times.
    Total,
    /// By the mean time.
    Mean,
    /// By the least time.
    Min,
    /// By the greatest time.
    Max,
    /// By the part of the whole.
    Share,
}

impl Column {
    /// Every column, from left to right.
    pub const ALL: [Self; 8] = [
        Self::Name,
        Self::Category,
        Self::Count,
        Self::Total,
        Self::Mean,
        Self::Min,
        Self::Max,
        Self::Share,
    ];

    /// Its heading.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Name => "Name",
            Self::Category => "Category",
            Self::Count => "Count",
            Self::Total => "Total",
            Self::Mean => "Mean",
            Self::Min => "Min",
            Self::Max => "Max",
            Self::Share => "Share",
        }
    }

    /// True for texts, which are read from A to Z first; figures start with the greatest.
    #[must_use]
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Name | Self::Category)
    }
}

/// The rows of one report.
pub fn of_report(report: &Report, source: usize, names: &mut Names) -> Vec<Operation> {
    report.ranks.iter().flat_map(|rank| of_rank(rank, source, names)).collect()
}

fn of_rank(rank: &Rank, source: usize, names: &mut Names) -> Vec<Operation> {
    let basis = match rank.basis {
        Basis::Gpu => TrackKind::Kernels,
        Basis::Operators => TrackKind::Operators,
        Basis::Ranges => TrackKind::Ranges,
    };
    let mut row =
        |name: &str, kind, category: &str, count, total_ns, extremes: Option<(i64, i64)>| {
            Operation {
                name: names.intern(name),
                kind,
                category: category.to_owned(),
                process: Some((source, rank.process_id)),
                count,
                total_ns,
                min_ns: extremes.map(|(min, _)| min),
                max_ns: extremes.map(|(_, max)| max),
                share: 0.0,
            }
        };
    let mut rows = Vec::new();
    for kernel in &rank.kernels {
        let extremes = Some((kernel.min_ns, kernel.max_ns));
        rows.push(row(
            &kernel.name,
            basis,
            &kernel.category,
            kernel.count,
            kernel.total_ns,
            extremes,
        ));
    }
    if basis != TrackKind::Operators {
        for operator in &rank.operators {
            let kind = TrackKind::Operators;
            rows.push(row(
                &operator.name,
                kind,
                &operator.category,
                operator.count,
                operator.self_ns,
                None,
            ));
        }
    }
    if basis != TrackKind::Ranges {
        for range in &rank.ranges {
            let extremes = Some((range.min_ns, range.max_ns));
            let domain = if range.domain.is_empty() { "range" } else { &range.domain };
            rows.push(row(
                &range.name,
                TrackKind::Ranges,
                domain,
                range.count,
                range.total_ns,
                extremes,
            ));
        }
    }
    for collective in &rank.collectives {
        let kind = TrackKind::Collectives;
        let category = collective.dtype.as_deref().unwrap_or("");
        rows.push(row(&collective.op, kind, category, collective.count, collective.total_ns, None));
    }
    for copy in &rank.copies {
        rows.push(row(&copy.kind, TrackKind::Copies, "copy", copy.count, copy.total_ns, None));
    }
    rows
}

/// Which rows the table shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Only this kind.
    pub kind: Option<TrackKind>,
    /// Only names (or categories) with this text in them, whatever the case.
    pub filter: String,
    /// The order.
    pub column: Column,
    /// The other way round.
    pub descending: bool,
}

impl Default for Choice {
    fn default() -> Self {
        Self { kind: None, filter: String::new(), column: Column::Total, descending: true }
    }
}

/// The rows of all ranks put together by kind, name and category, with their shares, filtered and in order.
#[must_use]
pub fn choose(operations: &[Operation], names: &Names, choice: &Choice) -> Vec<Operation> {
    let filter = choice.filter.to_lowercase();
    let mut by_name: HashMap<(TrackKind, NameId, &str), Operation> = HashMap::new();
    let mut totals: HashMap<TrackKind, i64> = HashMap::new();
    for operation in operations {
        if choice.kind.is_some_and(|kind| kind != operation.kind) {
            continue;
        }
        *totals.entry(operation.kind).or_default() += operation.total_ns;
        by_name
            .entry((operation.kind, operation.name, &operation.category))
            .and_modify(|merged| {
                merged.process = None;
                merged.count += operation.count;
                merged.total_ns += operation.total_ns;
                merged.min_ns = merged.min_ns.zip(operation.min_ns).map(|(a, b)| a.min(b));
                merged.max_ns = merged.max_ns.zip(operation.max_ns).map(|(a, b)| a.max(b));
            })
            .or_insert_with(|| operation.clone());
    }
    let mut rows: Vec<Operation> = by_name
        .into_values()
        .filter(|row| {
            filter.is_empty()
                || names.text(row.name).to_lowercase().contains(&filter)
                || row.category.to_lowercase().contains(&filter)
        })
        .collect();
    for row in &mut rows {
        let total = totals.get(&row.kind).copied().unwrap_or_default();
        row.share = if total > 0 { row.total_ns as f64 / total as f64 } else { 0.0 };
    }
    // Equal rows keep one order whatever the hash map gave: by kind, total and name.
    let tie = |a: &Operation, b: &Operation| {
        (a.kind.cmp(&b.kind))
            .then(b.total_ns.cmp(&a.total_ns))
            .then_with(|| names.text(a.name).cmp(names.text(b.name)))
            .then_with(|| a.category.cmp(&b.category))
    };
    rows.sort_by(|a, b| {
        let order = compare(a, b, choice.column, names);
        if choice.descending { order.reverse() } else { order }.then_with(|| tie(a, b))
    });
    rows
}

fn compare(a: &Operation, b: &Operation, column: Column, names: &Names) -> Ordering {
    match column {
        Column::Name => names.text(a.name).cmp(names.text(b.name)),
        Column::Category => a.category.cmp(&b.category),
        Column::Count => a.count.cmp(&b.count),
        Column::Total => a.total_ns.cmp(&b.total_ns),
        Column::Mean => a.mean_ns().cmp(&b.mean_ns()),
        Column::Min => a.min_ns.cmp(&b.min_ns),
        Column::Max => a.max_ns.cmp(&b.max_ns),
        Column::Share => a.share.total_cmp(&b.share),
    }
}

#[cfg(test)]
mod tests {
    use super::{Choice, Column, Operation, choose};
    use crate::model::names::Names;
    use crate::model::track::TrackKind;

    fn rows(names: &mut Names) -> Vec<Operation> {
        [("mm", 0, 3, 300, 50), ("add", 0, 10, 100, 5), ("mm", 1, 1, 100, 20)]
            .into_iter()
            .map(|(name, process, count, total_ns, min)| Operation {
                name: names.intern(name),
                kind: TrackKind::Operators,
                category: "matmul".into(),
                process: Some((0, process)),
                count,
                total_ns,
                min_ns: Some(min),
                max_ns: None,
                share: 0.0,
            })
            .collect()
    }

    #[test]
    fn ranks_are_put_together() {
        let mut names = Names::default();
        let rows = rows(&mut names);
        let chosen = choose(&rows, &names, &Choice::default());
        assert_eq!(chosen.len(), 2);
        assert_eq!((chosen[0].count, chosen[0].total_ns, chosen[0].min_ns), (4, 400, Some(20)));
        assert!((chosen[0].share - 0.8).abs() < 1e-9);
    }

    #[test]
    fn filter_and_order() {
        let mut names = Names::default();
        let rows = rows(&mut names);
        let by_count = Choice { column: Column::Count, ..Choice::default() };
        assert_eq!(names.text(choose(&rows, &names, &by_count)[0].name), "add");
        let filtered = Choice { filter: "ADD".into(), ..Choice::default() };
        let chosen = choose(&rows, &names, &filtered);
        assert_eq!(chosen.len(), 1);
        assert!(
            (chosen[0].share - 0.2).abs() < 1e-9,
            "the share is of everything, not of what is left"
        );
        let other = Choice { kind: Some(TrackKind::Kernels), ..Choice::default() };
        assert!(choose(&rows, &names, &other).is_empty());
    }
}
