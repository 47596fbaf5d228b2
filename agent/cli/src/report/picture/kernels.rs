//! The kernels with most time, a bar each.

use perfagent_analysis::report::KernelRow;

use crate::page::{Page, kernel};
use crate::picture::{Bars, COLOURS, Drawing, Fill, Part, Picture, Row};
use crate::unit;

/// Adds the picture of the rows that the table shows, of which `total_ns` is the whole.
pub(in super::super) fn write(page: &mut Page, shown: &[KernelRow], total_ns: i64, nouns: &str) {
    let mut categories: Vec<&str> = Vec::new();
    for row in shown {
        if !categories.contains(&row.category.as_str()) {
            categories.push(&row.category);
        }
    }
    let parts = categories
        .iter()
        .enumerate()
        .map(|(number, name)| Part { name: (*name).to_owned(), fill: fill(number) })
        .collect();
    let rows = shown
        .iter()
        .map(|row| Row {
            label: kernel(&row.name),
            values: categories
                .iter()
                .map(|name| if *name == row.category { row.total_ns } else { 0 })
                .collect(),
            note: format!(
                "{}, {}, {}",
                unit::duration(row.total_ns),
                unit::share(row.total_ns, total_ns),
                row.category
            ),
        })
        .collect();
    page.picture(Picture::new(
        format!("{nouns}."),
        "A bar is as long as all runs of that name took together; behind it the time, its share, and the category, which the \
         colour shows too.",
        Drawing::Bars(Bars { parts, rows, is_share: false }),
    ));
}

/// Beyond the plain colours the patterns.
fn fill(number: usize) -> Fill {
    match number.checked_sub(COLOURS) {
        None => Fill::Colour(number),
        Some(0) => Fill::Rising,
        Some(1) => Fill::Falling,
        Some(2) => Fill::Dotted,
        Some(_) => Fill::Hollow,
    }
}
