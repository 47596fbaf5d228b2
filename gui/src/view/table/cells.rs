//! What stands in the columns.

use perfagent_analysis::brief_kernel_name;

use crate::model::operations::rows::Row;
use crate::model::track::TrackKind;
use crate::units;
use crate::view::grid::{Cell, Heading, Order, Rows};

/// The columns, those of most use first: a narrow pane scrolls to the last ones.
pub(super) const HEADINGS: [Heading; 13] = [
    Heading::text(
        "Name",
        0.0,
        "Kernels by their short name; the whole one is under the pointer and is what is copied",
    ),
    Heading::text("Category", 92.0, "What it is for, by the classification rules"),
    Heading::figure("Count", 56.0, "How often it ran"),
    Heading::figure(
        "Total",
        70.0,
        "Sum of the times; of operators without what is nested in them, of launching operators and ranges the time of what they launched",
    ),
    Heading::figure("Share", 58.0, "Part of the time of everything of its kind"),
    Heading::figure("Mean", 70.0, "Mean time of a run"),
    Heading::figure(
        "P50",
        70.0,
        "Median time of a run (nearest rank); with ~ of the ranks' histograms together, within 7 %",
    ),
    Heading::figure(
        "P99",
        70.0,
        "99th percentile of the times (nearest rank); with ~ of the ranks' histograms together, within 7 %",
    ),
    Heading::figure(
        "FLOP/s",
        84.0,
        "Floating-point operations a second: of operators by the shapes of their inputs, of kernels by hardware counters",
    ),
    Heading::figure(
        "Bytes/s",
        78.0,
        "Bytes a second: of operators the least that they had to move, of kernels by hardware counters, of copies and collectives what they moved",
    ),
    Heading::figure("Min", 70.0, "Shortest run"),
    Heading::figure("Max", 70.0, "Longest run"),
    Heading::text("Rank", 58.0, "The rank, or on how many of all ranks it ran"),
];

/// The column of [`HEADINGS`] that the table is ordered by at first: the total.
pub(super) const FIRST_ORDER: Order = Order { column: 3, descending: true };

/// Room that the columns need at least, points.
pub(super) const WIDTH: f32 = 1162.0;

/// Rows as a table.
pub(super) struct Table<'a>(pub(super) &'a [Row]);

impl Rows for Table<'_> {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn cell(&self, row: usize, column: usize) -> Cell {
        let Some(row) = self.0.get(row) else { return Cell::Unknown };
        let time = |ns: i64| Cell::figure(units::duration(ns), ns as f64);
        let told = |ns: Option<i64>| ns.map_or(Cell::Unknown, time);
        let late = |row: &Row, ns: Option<i64>| {
            let about = if row.is_approximate { "~" } else { "" };
            let cell = |ns: i64| Cell::figure(format!("{about}{}", units::duration(ns)), ns as f64);
            ns.map_or(Cell::Unknown, cell)
        };
        match column {
            0 if row.kind == TrackKind::Kernels => {
                Cell::Short { text: brief_kernel_name(&row.label), whole: row.label.clone() }
            }
            0 => Cell::Short { text: row.label.clone(), whole: row.label.clone() },
            1 if row.category.is_empty() => Cell::Text(row.kind.singular().to_owned()),
            1 => Cell::Text(row.category.clone()),
            2 => Cell::figure(units::count(row.count.unsigned_abs()), row.count as f64),
            3 => time(row.total_ns),
            4 => Cell::Share(row.share),
            5 => time(row.mean_ns()),
            6 => late(row, row.percentiles_ns.map(|(median, _)| median)),
            7 => late(row, row.percentiles_ns.map(|(_, late)| late)),
            8 => Cell::optional(row.work.flops_per_s(), units::flops_per_s),
            9 => Cell::optional(row.work.bytes_per_s(), units::bytes_per_s),
            10 => told(row.min_ns),
            11 => told(row.max_ns),
            _ => Cell::Text(row.whose.clone()),
        }
    }

    fn describe(&self, row: usize) -> String {
        self.0.get(row).map_or_else(String::new, |row| {
            let whose =
                if row.process.is_some() { format!(", {}", row.whose) } else { String::new() };
            format!("{}, {}{whose}", row.label, units::duration(row.total_ns))
        })
    }
}
