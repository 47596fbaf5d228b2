//! What stands in the columns.

use perfagent_analysis::brief_kernel_name;

use crate::model::operations::rows::Row;
use crate::model::track::TrackKind;
use crate::units;
use crate::view::grid::{Cell, Heading, Rows};

/// The columns.
pub(super) const HEADINGS: [Heading; 13] = [
    Heading::text("Name", 0.0, "Kernels by their short name; the whole one is under the pointer and is what is copied"),
    Heading::text("Category", 100.0, "What it is for, by the classification rules"),
    Heading::text("Rank", 62.0, "The rank, or how many ranks ran it"),
    Heading::figure("Count", 60.0, "How often it ran"),
    Heading::figure("Total", 76.0, "Sum of the times; of operators without what is nested in them, of launching operators and ranges the time of what they launched"),
    Heading::figure("Share", 66.0, "Part of the time of everything of its kind"),
    Heading::figure("Mean", 76.0, "Mean time of a run"),
    Heading::figure("P50", 76.0, "Median time of a run (nearest rank)"),
    Heading::figure("P99", 76.0, "99th percentile of the times (nearest rank)"),
    Heading::figure("Min", 76.0, "Shortest run"),
    Heading::figure("Max", 76.0, "Longest run"),
    Heading::figure("FLOP/s", 88.0, "Floating-point operations a second: of operators by the shapes of their inputs, of kernels by hardware counters"),
    Heading::figure("Bytes/s", 88.0, "Bytes a second: of operators the least that they had to move, of kernels by hardware counters, of copies and collectives what they moved"),
];

/// Room that the columns need at least, points.
pub(super) const WIDTH: f32 = 1130.0;

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
        match column {
            0 if row.kind == TrackKind::Kernels => Cell::Short {
                text: brief_kernel_name(&row.label),
                whole: row.label.clone(),
            },
            0 => Cell::Short { text: row.label.clone(), whole: row.label.clone() },
            1 if row.category.is_empty() => Cell::Text(row.kind.singular().to_owned()),
            1 => Cell::Text(row.category.clone()),
            2 => Cell::Text(row.whose.clone()),
            3 => Cell::figure(units::count(row.count.unsigned_abs()), row.count as f64),
            4 => time(row.total_ns),
            5 => Cell::Share(row.share),
            6 => time(row.mean_ns()),
            7 => told(row.percentiles_ns.map(|(median, _)| median)),
            8 => told(row.percentiles_ns.map(|(_, late)| late)),
            9 => told(row.min_ns),
            10 => told(row.max_ns),
            11 => Cell::optional(row.work.flops_per_s(), units::flops_per_s),
            _ => Cell::optional(row.work.bytes_per_s(), units::bytes_per_s),
        }
    }

    fn describe(&self, row: usize) -> String {
        self.0.get(row).map_or_else(String::new, |row| {
            let whose = if row.process.is_some() { format!(", {}", row.whose) } else { String::new() };
            format!("{}, {}{whose}", row.label, units::duration(row.total_ns))
        })
    }
}
