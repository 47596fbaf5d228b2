//! Memory and processor: peaks and means of every rank.

use perfagent_analysis::report::Rank;

use super::{label_cell, picture};
use crate::page::{Cell, Page, Table};
use crate::unit;

/// Writes one row a rank; columns that no rank knows are left out.
pub(super) fn write(page: &mut Page, ranks: &[Rank]) {
    let columns: Vec<Column> = COLUMNS
        .into_iter()
        .filter(|(_, figure)| ranks.iter().any(|rank| figure(rank).is_some()))
        .collect();
    page.section("Memory and processor");
    picture::write_memory(page, ranks);
    if columns.is_empty() {
        page.paragraph("Nothing was sampled.");
        return;
    }
    let headings: Vec<_> =
        [""].into_iter().chain(columns.iter().map(|(heading, _)| *heading)).collect();
    let mut table = Table::new(headings);
    for rank in ranks {
        let figures =
            columns.iter().map(|(_, figure)| Cell::figure(unit::known(figure(rank), |text| text)));
        table.row([label_cell(rank)].into_iter().chain(figures).collect::<Vec<_>>());
    }
    page.table(table);
}

type Column = (&'static str, fn(&Rank) -> Option<String>);

const COLUMNS: [Column; 9] = [
    ("GPU allocated, peak", |rank| rank.memory.peak_allocated_bytes.map(unit::bytes)),
    ("GPU reserved, peak", |rank| rank.memory.peak_reserved_bytes.map(unit::bytes)),
    ("GPU in use, peak", |rank| rank.memory.peak_device_bytes.map(unit::bytes)),
    ("resident, peak", |rank| rank.host_usage.rss_peak_bytes.map(unit::bytes)),
    ("resident, mean", |rank| rank.host_usage.rss_mean_bytes.map(unit::bytes)),
    ("CPU, peak", |rank| rank.host_usage.cpu_peak_pct.map(unit::percent)),
    ("CPU, mean", |rank| rank.host_usage.cpu_mean_pct.map(unit::percent)),
    ("threads", |rank| rank.host_usage.threads_peak.map(unit::count)),
    ("samples", |rank| {
        Some(rank.host_usage.samples).filter(|samples| *samples > 0).map(unit::count)
    }),
];
