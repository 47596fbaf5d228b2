//! Copies, launch delays and the waits of streams: what only a GPU run has.

use perfagent_analysis::report::Rank;
use perfagent_analysis::total;

use super::{label_cell, of_ranks};
use crate::page::{Cell, Page, Table};
use crate::unit;

/// Writes those of the three that the recording has.
pub(super) fn write(page: &mut Page, ranks: &[Rank]) {
    write_copies(page, ranks);
    write_launches(page, ranks);
    write_waits(page, ranks);
}

fn write_copies(page: &mut Page, ranks: &[Rank]) {
    let copies = total::copies(ranks);
    if copies.is_empty() {
        return;
    }
    page.section(format!("Copies{}", of_ranks(ranks)));
    let mut table = Table::new(["kind", "count", "bytes", "total", "rate"]);
    for row in &copies {
        table.row([
            Cell::text(&row.kind),
            Cell::figure(unit::count(row.count)),
            Cell::figure(unit::bytes(row.bytes)),
            Cell::figure(unit::duration(row.total_ns)),
            Cell::figure(unit::known(row.gbps, unit::rate)),
        ]);
    }
    page.table(table);
}

fn write_launches(page: &mut Page, ranks: &[Rank]) {
    if ranks.iter().all(|rank| rank.launch.count == 0 && rank.launch.unlinked == 0) {
        return;
    }
    page.section("Launch delay, from the call on the host to the start on the GPU");
    let mut table = Table::new(["", "linked", "mean", "p50", "p99", "without their call"]);
    for rank in ranks {
        table.row([
            label_cell(rank),
            Cell::figure(unit::count(rank.launch.count)),
            Cell::figure(unit::known(rank.launch.mean_delay_ns, unit::mean_duration)),
            Cell::figure(unit::known(rank.launch.p50_delay_ns, unit::duration)),
            Cell::figure(unit::known(rank.launch.p99_delay_ns, unit::duration)),
            Cell::figure(unit::count(rank.launch.unlinked)),
        ]);
    }
    page.table(table);
}

fn write_waits(page: &mut Page, ranks: &[Rank]) {
    if ranks.iter().all(|rank| rank.idle_causes.is_empty()) {
        return;
    }
    page.section("Why streams waited");
    let mut table =
        Table::new(["", "device", "stream", "for the host", "between kernels", "other"]);
    for rank in ranks {
        for row in &rank.idle_causes {
            table.row([
                label_cell(rank),
                Cell::figure(row.device.to_string()),
                Cell::figure(row.stream.to_string()),
                Cell::figure(unit::duration(row.host_wait_ns)),
                Cell::figure(unit::duration(row.kernel_wait_ns)),
                Cell::figure(unit::duration(row.other_ns)),
            ]);
        }
    }
    page.table(table);
}
