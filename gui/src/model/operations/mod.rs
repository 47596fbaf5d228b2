//! What ran, by name: the rows of the table, taken from the report's figures.

pub mod percentiles;
pub mod rates;
pub mod rows;

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
