//! What took the time: kernels on a GPU, operators and ranges on the host.

use perfagent_analysis::report::{Basis, Rank};
use perfagent_analysis::total;

use super::{TOP_OPERATIONS, TOP_RANGES, of_ranks, picture, top_of};
use crate::page::{Cell, Page, Table};
use crate::unit;

/// Writes the kernels, or what takes their place; beside kernels, the host's operators too.
pub(super) fn write(page: &mut Page, ranks: &[Rank]) {
    write_kernels(page, ranks);
    if ranks.iter().any(|rank| rank.basis == Basis::Gpu) {
        write_operators(page, ranks);
    }
}

fn write_kernels(page: &mut Page, ranks: &[Rank]) {
    let kernels = total::kernels(ranks);
    if kernels.is_empty() {
        return;
    }
    let on_gpu = ranks.iter().any(|rank| rank.basis == Basis::Gpu);
    let nouns = if on_gpu {
        "kernels by time"
    } else if ranks.iter().any(|rank| rank.basis == Basis::Operators) {
        "operators by own time"
    } else {
        "ranges by own time"
    };
    let shown = kernels.len().min(TOP_OPERATIONS);
    let heading = format!("{}{}", top_of(shown, kernels.len(), nouns), of_ranks(ranks));
    page.section(&heading);
    let total = kernels.iter().map(|row| row.total_ns).sum();
    picture::write_kernels(page, ranks, &kernels[..shown], total, &heading);
    picture::write_durations(page, &kernels[..shown]);
    let mut table =
        Table::new(["name", "category", "count", "total", "mean", "p50", "p99", "max", "share"]);
    for row in &kernels[..shown] {
        table.row([
            if on_gpu { Cell::brief_kernel(&row.name) } else { Cell::name(&row.name) },
            Cell::text(&row.category),
            Cell::figure(unit::count(row.count)),
            Cell::figure(unit::duration(row.total_ns)),
            Cell::figure(unit::mean_duration(row.mean_ns)),
            Cell::figure(unit::known(row.p50_ns, unit::duration)),
            Cell::figure(unit::known(row.p99_ns, unit::duration)),
            Cell::figure(unit::duration(row.max_ns)),
            Cell::figure(unit::share(row.total_ns, total)),
        ]);
    }
    page.table(table);
    if ranks.len() > 1 {
        page.paragraph("p50 and p99 are those of the rank where they are greatest.");
    }
}

fn write_operators(page: &mut Page, ranks: &[Rank]) {
    let operators = total::operators(ranks);
    if operators.is_empty() {
        return;
    }
    let shown = operators.len().min(TOP_RANGES);
    let heading = top_of(shown, operators.len(), "host operators by own time");
    page.section(format!("{heading}{}", of_ranks(ranks)));
    let total = operators.iter().map(|row| row.self_ns).sum();
    let mut table =
        Table::new(["name", "category", "count", "own", "with nested", "mean", "share"]);
    for row in &operators[..shown] {
        table.row([
            Cell::name(&row.name),
            Cell::text(&row.category),
            Cell::figure(unit::count(row.count)),
            Cell::figure(unit::duration(row.self_ns)),
            Cell::figure(unit::duration(row.inclusive_ns)),
            Cell::figure(unit::mean_duration(row.mean_ns)),
            Cell::figure(unit::share(row.self_ns, total)),
        ]);
    }
    page.table(table);
}

/// Writes the NVTX ranges, unless they already stand in the place of kernels.
pub(super) fn write_ranges(page: &mut Page, ranks: &[Rank]) {
    let ranges = total::ranges(ranks);
    if ranges.is_empty() || ranks.iter().all(|rank| rank.basis == Basis::Ranges) {
        return;
    }
    let shown = ranges.len().min(TOP_RANGES);
    page.section(format!(
        "{}{}",
        top_of(shown, ranges.len(), "NVTX ranges by time"),
        of_ranks(ranks)
    ));
    let mut table = Table::new(["name", "domain", "count", "total", "mean", "min", "max"]);
    for row in &ranges[..shown] {
        table.row([
            Cell::name(&row.name),
            Cell::text(&row.domain),
            Cell::figure(unit::count(row.count)),
            Cell::figure(unit::duration(row.total_ns)),
            Cell::figure(unit::mean_duration(row.mean_ns)),
            Cell::figure(unit::duration(row.min_ns)),
            Cell::figure(unit::duration(row.max_ns)),
        ]);
    }
    page.table(table);
}
