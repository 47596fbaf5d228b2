//! Communication between ranks: sizes, times, bandwidths.

use perfagent_analysis::report::{CollectiveRow, Rank};
use perfagent_analysis::total;

use super::{of_ranks, picture};
use crate::page::{Cell, Page, Table};
use crate::unit;

/// Writes one row an operation, element type and group.
pub(super) fn write(page: &mut Page, ranks: &[Rank]) {
    let collectives = total::collectives(ranks);
    if collectives.is_empty() {
        return;
    }
    page.section(format!("Collectives{}", of_ranks(ranks)));
    picture::write_collectives(page, &collectives);
    let mut table = Table::new([
        "operation",
        "dtype",
        "group",
        "ranks",
        "calls",
        "bytes",
        "total",
        "mean",
        "algbw",
        "busbw",
        "waiting",
        "transfer busbw",
    ]);
    for row in &collectives {
        table.row([
            Cell::text(&row.op),
            Cell::text(unit::known(row.dtype.clone(), |dtype| dtype)),
            Cell::text(unit::known(row.group.clone(), |group| group)),
            Cell::figure(unit::known(row.group_size, unit::count)),
            Cell::figure(unit::count(row.count)),
            Cell::figure(unit::known(row.bytes, unit::bytes)),
            Cell::figure(unit::known(timed(row), |_| unit::duration(row.total_ns))),
            Cell::figure(unit::known(timed(row), |count| {
                unit::mean_duration(row.total_ns as f64 / count as f64)
            })),
            Cell::figure(unit::known(row.algbw_gbps, unit::rate)),
            Cell::figure(unit::known(row.busbw_gbps, unit::rate)),
            Cell::figure(unit::known(row.wait_ns, unit::duration)),
            Cell::figure(unit::known(row.transfer_busbw_gbps, unit::rate)),
        ]);
    }
    page.table(table);
}

/// Of how many calls the time is known; `None` for none.
fn timed(row: &CollectiveRow) -> Option<i64> {
    Some(row.count - row.untimed).filter(|count| *count > 0)
}
