//! Copies, launch delays, waits and the overhead of recording: what only a GPU run has.

use perfagent_analysis::report::{HostCostRow, Rank};
use perfagent_analysis::total;

use super::{label_cell, of_ranks, picture};
use crate::page::{Cell, Page, Table};
use crate::unit;

/// Writes those of them that the recording has.
pub(super) fn write(page: &mut Page, ranks: &[Rank]) {
    write_copies(page, ranks);
    write_launches(page, ranks);
    write_waits(page, ranks);
    let section = "Waits for the GPU, added up over threads";
    write_host_costs(page, ranks, (section, "waited for"), |rank| &rank.synchronizations);
    let section = "What recording and loading cost the host, as CUPTI tells";
    write_host_costs(page, ranks, (section, "for"), |rank| &rank.overheads);
}

fn write_host_costs(
    page: &mut Page,
    ranks: &[Rank],
    (section, kind): (&'static str, &'static str),
    rows: impl Fn(&Rank) -> &[HostCostRow],
) {
    if ranks.iter().all(|rank| rows(rank).is_empty()) {
        return;
    }
    page.section(section);
    let mut table = Table::new(["", kind, "count", "total", "of the span"]);
    for rank in ranks {
        for row in rows(rank) {
            let share =
                (rank.span_ns > 0).then(|| row.total_ns as f64 * 100.0 / rank.span_ns as f64);
            table.row([
                label_cell(rank),
                Cell::text(&row.kind),
                Cell::figure(unit::count(row.count)),
                Cell::figure(unit::duration(row.total_ns)),
                Cell::figure(unit::known(share, unit::percent)),
            ]);
        }
    }
    page.table(table);
}

fn write_copies(page: &mut Page, ranks: &[Rank]) {
    let copies = total::copies(ranks);
    if copies.is_empty() {
        return;
    }
    page.section(format!("Copies{}", of_ranks(ranks)));
    picture::write_copy_rates(page, ranks);
    let mut table =
        Table::new(["kind", "count", "bytes", "total", "rate", "while copying", "peak"]);
    for row in &copies {
        table.row([
            Cell::text(&row.kind),
            Cell::figure(unit::count(row.count)),
            Cell::figure(unit::bytes(row.bytes)),
            Cell::figure(unit::duration(row.total_ns)),
            Cell::figure(unit::known(row.gbps, unit::rate)),
            Cell::figure(unit::known(row.busy_gbps, unit::rate)),
            Cell::figure(unit::known(row.peak_gbps, unit::rate)),
        ]);
    }
    page.table(table);
}

fn write_launches(page: &mut Page, ranks: &[Rank]) {
    // Without `--api` no kernel has its call, and a table of dashes helps nobody.
    if ranks.iter().all(|rank| rank.launch.count == 0) {
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
    picture::write_waits(page, ranks);
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
