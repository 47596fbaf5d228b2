//! Benchmarks of collectives: times and bandwidths by size.

use perfagent_analysis::report::CollectiveTestRow;

use super::picture;
use crate::page::{Cell, Page, Table};
use crate::unit;

/// Writes a table a benchmark, element type and reduction, with one row a size.
pub(super) fn write(page: &mut Page, tests: &[CollectiveTestRow]) {
    let is_one_table = |a: &CollectiveTestRow, b: &CollectiveTestRow| {
        (a.run, &a.op, &a.dtype, &a.reduction, a.root)
            == (b.run, &b.op, &b.dtype, &b.reduction, b.root)
    };
    for rows in tests.chunk_by(is_one_table) {
        let Some(first) = rows.first() else { continue };
        let what = describe(first);
        page.section(format!("Collective tests: {what}"));
        picture::write_collective_tests(page, rows, &what);
        let of_each = ["algbw GB/s", "busbw GB/s", "wrong"];
        let headings = [&["bytes", "out of place"][..], &of_each, &["in place"], &of_each];
        let mut table = Table::new(headings.concat());
        // Both measurements of a size stand together, where both were made.
        for pair in rows.chunk_by(|a, b| a.bytes == b.bytes && !a.in_place && b.in_place) {
            let figures = [false, true].into_iter().flat_map(|in_place| {
                let row = pair.iter().find(|row| row.in_place == in_place);
                let cell = |figure: fn(&CollectiveTestRow) -> Option<String>| {
                    Cell::figure(unit::known(row.and_then(figure), |text| text))
                };
                [
                    cell(|row| Some(unit::mean_duration(row.time_ns as f64))),
                    cell(|row| Some(format!("{:.2}", row.algbw_gbps))),
                    cell(|row| Some(format!("{:.2}", row.busbw_gbps))),
                    cell(|row| row.wrong.map(unit::count)),
                ]
            });
            let bytes = Cell::figure(unit::bytes(pair[0].bytes));
            table.row([bytes].into_iter().chain(figures).collect::<Vec<_>>());
        }
        page.table(table);
    }
}

/// What all rows of a table have in common.
fn describe(row: &CollectiveTestRow) -> String {
    let known = [
        Some(row.op.clone()),
        row.dtype.clone(),
        row.reduction.clone(),
        row.root.map(|root| format!("root {root}")),
        row.ranks.map(|ranks| format!("{ranks} ranks")),
    ];
    known.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
