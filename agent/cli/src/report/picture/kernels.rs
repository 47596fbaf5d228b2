//! The kernels with most time, a bar each.

use perfagent_analysis::COMMUNICATION;
use perfagent_analysis::report::{KernelRow, Rank};

use super::category::Categories;

use crate::page::{Page, kernel};
use crate::picture::{Bars, Drawing, Fill, LABEL, Part, Picture, Row};
use crate::unit;

/// Adds the picture of the rows that the table shows, of which `total_ns` is the whole.
pub(in super::super) fn write(
    page: &mut Page,
    ranks: &[Rank],
    shown: &[KernelRow],
    total_ns: i64,
    nouns: &str,
) {
    let categories = Categories::of(ranks);
    let mut parts = categories.parts();
    parts.push(Part { name: COMMUNICATION.to_owned(), fill: Fill::Rising });
    let position = |row: &KernelRow| {
        if row.category == COMMUNICATION {
            parts.len() - 1
        } else {
            categories.position(&row.category)
        }
    };
    // Only what is to be seen stands in the legend.
    let used: Vec<usize> =
        (0..parts.len()).filter(|part| shown.iter().any(|row| position(row) == *part)).collect();
    let rows = shown
        .iter()
        .map(|row| Row {
            label: kernel(&row.name, LABEL),
            values: used
                .iter()
                .map(|part| if *part == position(row) { row.total_ns } else { 0 })
                .collect(),
            note: format!(
                "{}, {}, {}",
                unit::duration(row.total_ns),
                unit::share(row.total_ns, total_ns),
                row.category
            ),
        })
        .collect();
    let parts = used.iter().filter_map(|part| parts.get(*part).cloned()).collect();
    page.picture(Picture::new(
        format!("{nouns}."),
        "A bar is as long as all runs of that name took together; behind it the time, its share, and the category, which the \
         colour shows too.",
        Drawing::Bars(Bars { parts, rows, is_share: false }),
    ));
}
