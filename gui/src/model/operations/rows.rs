//! The rows of the table: what ran, put together by name, category, launching operator or NVTX range.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use perfagent_analysis::report::{DurationBucket, KernelRow, LaunchedRow, Rank};

use super::percentiles::Percentiles;
use super::rates::{self, Work};
use crate::model::document::Document;
use crate::model::names::NameId;
use crate::model::track::TrackKind;
use crate::model::whose::{Process, members};

/// What makes one row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Group {
    /// Events of one name.
    #[default]
    Name,
    /// Events of one category.
    Category,
    /// The work on the GPU that one operator launched; without a GPU, the operator.
    Operator,
    /// The work on the GPU that was launched within one NVTX range; without a GPU, the range.
    Range,
}

impl Group {
    /// Every grouping.
    pub const ALL: [Self; 4] = [Self::Name, Self::Category, Self::Operator, Self::Range];

    /// Its name.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Name => "Name",
            Self::Category => "Category",
            Self::Operator => "Operator",
            Self::Range => "NVTX range",
        }
    }

    /// What its rows are.
    #[must_use]
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Name => "A row for each kernel, operator, range, collective or kind of copy",
            Self::Category => "A row for each category, such as matrix products",
            Self::Operator => "Time of the GPU by the operator that launched it",
            Self::Range => "Time of the GPU by the NVTX range that it was launched in",
        }
    }
}

/// Which rows are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Wanted {
    /// What makes a row.
    pub group: Group,
    /// Only this kind; grouped by operator or range there is only one.
    pub kind: Option<TrackKind>,
    /// A row for each rank.
    pub by_rank: bool,
    /// Only names and categories with this text in them, whatever the case.
    pub filter: String,
}

/// One row. Times are ns.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its name, or its category.
    pub label: String,
    /// What it is.
    pub kind: TrackKind,
    /// What it is for, as the report classes it.
    pub category: String,
    /// The rank, or how many ranks.
    pub whose: String,
    /// The process, where the row is of one.
    pub process: Option<Process>,
    /// The names of the events that it stands for.
    pub names: Vec<NameId>,
    /// How often it ran.
    pub count: i64,
    /// Sum of its times, without what is nested in it where the report knows that.
    pub total_ns: i64,
    /// Shortest.
    pub min_ns: Option<i64>,
    /// Longest.
    pub max_ns: Option<i64>,
    /// Median and 99th percentile; `None` where nothing tells.
    pub percentiles_ns: Option<(i64, i64)>,
    /// They are of the ranks' histograms together: within 7 %.
    pub is_approximate: bool,
    /// Its part of the time of its kind, 0 to 1.
    pub share: f64,
    /// What it achieved.
    pub work: Work,
}

impl Row {
    /// Mean time, ns.
    #[must_use]
    pub fn mean_ns(&self) -> i64 {
        self.total_ns / self.count.max(1)
    }
}

/// What runs of one name on one rank are told as.
struct Part<'a> {
    process: Process,
    name: &'a str,
    kind: TrackKind,
    category: &'a str,
    count: i64,
    total_ns: i64,
    extremes_ns: Option<(i64, i64)>,
    percentiles_ns: Option<(i64, i64)>,
    /// How many took about how long; empty where the report does not tell.
    histogram: &'a [DurationBucket],
    work: Work,
}

/// The rows, greatest total first.
#[must_use]
pub fn rows(document: &Document, wanted: &Wanted, percentiles: Option<&Percentiles>) -> Vec<Row> {
    let members = members(document, None);
    let ranks: BTreeMap<Process, String> =
        members.iter().map(|member| (member.process(), member.label())).collect();
    let works: HashMap<Process, HashMap<(TrackKind, &str), Work>> =
        members.iter().map(|member| (member.process(), rates::of_rank(member.rank))).collect();
    let mut parts = match wanted.group {
        Group::Name | Group::Category => by_name(document, wanted.kind),
        Group::Operator | Group::Range => members
            .iter()
            .flat_map(|member| launched(member.rank, member.process(), wanted.group))
            .collect(),
    };
    if parts.is_empty() && matches!(wanted.group, Group::Operator | Group::Range) {
        let kind =
            if wanted.group == Group::Operator { TrackKind::Operators } else { TrackKind::Ranges };
        parts = by_name(document, Some(kind));
    }
    for part in &mut parts {
        let work = works.get(&part.process).and_then(|works| works.get(&(part.kind, part.name)));
        part.work = work.copied().unwrap_or_default();
    }
    let mut rows = merged(document, wanted, &parts, &ranks);
    for row in &mut rows {
        let known = percentiles.filter(|_| row.process.is_none());
        if let (true, [name], Some(known)) =
            (row.percentiles_ns.is_none() || row.is_approximate, row.names.as_slice(), known)
            && let Some(exact) = known.get(&(row.kind, *name))
        {
            (row.percentiles_ns, row.is_approximate) = (Some(*exact), false);
        }
    }
    rows
}

/// The document's operations, with the percentiles of the reports.
fn by_name(document: &Document, kind: Option<TrackKind>) -> Vec<Part<'_>> {
    let mut told: HashMap<(Process, &str), &KernelRow> = HashMap::new();
    for member in members(document, None) {
        let rows = member.rank.kernels.iter();
        told.extend(rows.map(|row| ((member.process(), row.name.as_str()), row)));
    }
    document
        .operations
        .iter()
        .filter(|operation| kind.is_none_or(|kind| kind == operation.kind))
        .filter_map(|operation| {
            let (process, name) = (operation.process?, document.names.text(operation.name));
            // The table of kernels has the shortest and longest times and percentiles of the same times.
            let extremes_ns = operation.min_ns.zip(operation.max_ns);
            let of_kernels = extremes_ns.filter(|_| operation.kind != TrackKind::Ranges);
            let row = of_kernels.and_then(|_| told.get(&(process, name)).copied());
            Some(Part {
                process,
                name,
                kind: operation.kind,
                category: &operation.category,
                count: operation.count,
                total_ns: operation.total_ns,
                extremes_ns,
                percentiles_ns: row.and_then(|row| row.p50_ns.zip(row.p99_ns)),
                histogram: row.map_or(&[], |row| &row.histogram),
                work: Work::default(),
            })
        })
        .collect()
}

/// The time of the GPU by what launched it.
fn launched(rank: &Rank, process: Process, group: Group) -> Vec<Part<'_>> {
    let categories: HashMap<&str, &str> =
        rank.operators.iter().map(|row| (row.name.as_str(), row.category.as_str())).collect();
    let (launched, kind): (&[LaunchedRow], TrackKind) = if group == Group::Operator {
        (&rank.operator_gpu, TrackKind::Operators)
    } else {
        (&rank.range_gpu, TrackKind::Ranges)
    };
    launched
        .iter()
        .map(|row| {
            let category = match kind {
                TrackKind::Operators => categories.get(row.name.as_str()).copied().unwrap_or(""),
                _ => row.domain.as_str(),
            };
            Part {
                process,
                name: &row.name,
                kind,
                category,
                count: row.count,
                total_ns: row.own_gpu_ns,
                extremes_ns: None,
                percentiles_ns: None,
                histogram: &[],
                work: Work::default(),
            }
        })
        .collect()
}

/// A row while it is put together.
struct Merged {
    row: Row,
    processes: BTreeSet<Process>,
    /// How many took about how long, by the bounds of the buckets; `None` when a part does not tell.
    histogram: Option<BTreeMap<(i64, i64), i64>>,
}

type Key<'a> = (TrackKind, Option<&'a str>, &'a str, Option<Process>);

fn merged(
    document: &Document,
    wanted: &Wanted,
    parts: &[Part<'_>],
    ranks: &BTreeMap<Process, String>,
) -> Vec<Row> {
    let mut found: BTreeMap<Key<'_>, Merged> = BTreeMap::new();
    let mut totals: HashMap<(TrackKind, Option<Process>), i64> = HashMap::new();
    let several = |kept: Option<i64>, other: Option<i64>, choose: fn(i64, i64) -> i64| {
        kept.zip(other).map(|(kept, other)| choose(kept, other))
    };
    for part in parts {
        let process = wanted.by_rank.then_some(part.process);
        let total = totals.entry((part.kind, process)).or_default();
        *total = total.saturating_add(part.total_ns);
        let by_category = wanted.group == Group::Category;
        let key = (part.kind, (!by_category).then_some(part.name), part.category, process);
        let name = document.names.find(part.name);
        let merged = found.entry(key).or_insert_with(|| {
            let label = if by_category { category_label(part) } else { part.name.to_owned() };
            let row = Row {
                label,
                kind: part.kind,
                category: part.category.to_owned(),
                whose: String::new(),
                process,
                names: Vec::new(),
                count: 0,
                total_ns: 0,
                min_ns: part.extremes_ns.map(|(min, _)| min),
                max_ns: part.extremes_ns.map(|(_, max)| max),
                percentiles_ns: part.percentiles_ns,
                is_approximate: false,
                share: 0.0,
                work: Work::default(),
            };
            Merged { row, processes: BTreeSet::new(), histogram: Some(BTreeMap::new()) }
        });
        let row = &mut merged.row;
        if row.count > 0 {
            row.percentiles_ns = None;
        }
        row.count += part.count;
        row.total_ns = row.total_ns.saturating_add(part.total_ns);
        row.min_ns = several(row.min_ns, part.extremes_ns.map(|(min, _)| min), i64::min);
        row.max_ns = several(row.max_ns, part.extremes_ns.map(|(_, max)| max), i64::max);
        row.work.add(part.work);
        row.names.extend(name);
        merged.processes.insert(part.process);
        if part.histogram.is_empty() {
            merged.histogram = None;
        }
        for bucket in part.histogram {
            if let Some(histogram) = &mut merged.histogram {
                *histogram.entry((bucket.from_ns, bucket.until_ns)).or_default() += bucket.count;
            }
        }
    }
    let filter = wanted.filter.trim().to_lowercase();
    let mut rows: Vec<Row> = found
        .into_values()
        .map(|Merged { mut row, processes, histogram }| {
            if row.percentiles_ns.is_none() {
                // The middle of a bucket may lie beyond what is in it.
                let (least, most) = (row.min_ns.unwrap_or(0), row.max_ns.unwrap_or(i64::MAX));
                let within = |time: i64| time.max(least).min(most);
                let both = histogram.as_ref().and_then(of_histogram);
                row.percentiles_ns = both.map(|(median, late)| (within(median), within(late)));
                row.is_approximate = true;
            }
            let total = totals.get(&(row.kind, row.process)).copied().unwrap_or(0);
            row.share = if total > 0 { row.total_ns as f64 / total as f64 } else { 0.0 };
            row.names.sort_unstable();
            row.names.dedup();
            row.whose = match processes.iter().collect::<Vec<_>>().as_slice() {
                [one] => ranks.get(one).cloned().unwrap_or_default(),
                several => format!("{} of {}", several.len(), ranks.len()),
            };
            row
        })
        .filter(|row| {
            filter.is_empty()
                || row.label.to_lowercase().contains(&filter)
                || row.category.to_lowercase().contains(&filter)
        })
        .collect();
    // Stable: rows of one total stay in the order of kind and name.
    rows.sort_by_key(|row| std::cmp::Reverse(row.total_ns));
    rows
}

/// Median and 99th percentile (nearest rank) of times in buckets: the middles of theirs.
fn of_histogram(histogram: &BTreeMap<(i64, i64), i64>) -> Option<(i64, i64)> {
    let all: i64 = histogram.values().sum();
    let nearest = |percent: i64| {
        let wanted = (all * percent + 99) / 100;
        let mut before = 0;
        histogram.iter().find_map(|(&(from, until), count)| {
            before += count;
            (before >= wanted).then(|| from + (until - from) / 2)
        })
    };
    (all > 0).then(|| nearest(50).zip(nearest(99))).flatten()
}

fn category_label(part: &Part<'_>) -> String {
    if part.category.is_empty() {
        part.kind.label().to_lowercase()
    } else {
        part.category.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::of_histogram;

    #[test]
    fn percentiles_of_buckets_are_in_the_right_one() {
        let histogram = BTreeMap::from([((10, 20), 60), ((20, 40), 39), ((100, 120), 1)]);
        assert_eq!(of_histogram(&histogram), Some((15, 30)));
        let late = BTreeMap::from([((10, 20), 60), ((100, 120), 2)]);
        assert_eq!(of_histogram(&late), Some((15, 110)));
        assert_eq!(of_histogram(&BTreeMap::new()), None);
    }
}
