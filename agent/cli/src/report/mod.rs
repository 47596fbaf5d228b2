//! The report as a page: what ran, the steps, where the time went, what took it, what was lost.

mod collective_tests;
mod collectives;
mod counters;
mod files;
mod gpu;
mod header;
#[cfg(test)]
mod hostile;
mod insight;
mod lost;
mod machine;
mod memory;
mod operations;
mod picture;
mod rules;
mod steps;
mod time;

use perfagent_analysis::Report;
use perfagent_analysis::report::Rank;

pub(crate) use header::Origin;
pub(crate) use rules::rules_page;

use crate::page::{Cell, Page};

/// Rows of the tables that are cut off; `--json` has all of them.
const TOP_OPERATIONS: usize = 15;
const TOP_RANGES: usize = 10;
const TOP_MEMORY: usize = 10;

/// Lays a report out. `origins` describes the recordings it was made from.
pub(crate) fn page(report: &Report, origins: &[Origin]) -> Page {
    let mut page = Page::default();
    let ranks = report.ranks.as_slice();
    header::write(&mut page, report, origins);
    files::write(&mut page, report);
    if !ranks.is_empty() {
        // Of a memory snapshot alone there is no time to report.
        if ranks.iter().any(|rank| rank.span_ns > 0 || !rank.steps.is_empty()) {
            steps::write(&mut page, ranks);
            time::write(&mut page, ranks);
        }
        operations::write(&mut page, ranks);
        insight::write_linked(&mut page, ranks);
        insight::write_sequences(&mut page, ranks);
        insight::write_critical_path(&mut page, ranks);
        insight::write_roofline(&mut page, ranks);
        counters::write(&mut page, ranks);
        collectives::write(&mut page, ranks);
        gpu::write(&mut page, ranks);
        insight::write_queues(&mut page, ranks);
        operations::write_ranges(&mut page, ranks);
        machine::write(&mut page, ranks);
        memory::write(&mut page, ranks);
    }
    collective_tests::write(&mut page, &report.collective_tests);
    lost::write(&mut page, report);
    if !report.warnings.is_empty() {
        page.section("Warnings");
        page.items(report.warnings.clone());
    }
    page
}

/// What a rank is called: its rank, or its process number where the program did not say.
fn label(rank: &Rank) -> String {
    rank.rank.map_or_else(|| format!("pid {}", rank.pid), |number| format!("rank {number}"))
}

/// The cell that names a rank.
fn label_cell(rank: &Rank) -> Cell {
    Cell::text(label(rank))
}

/// `", sum of 4 ranks"` for the heading of figures that are added up over ranks.
fn of_ranks(ranks: &[Rank]) -> String {
    if ranks.len() > 1 { format!(", sum of {} ranks", ranks.len()) } else { String::new() }
}

/// `"Top 15 of 87 kernels"`, or the plain noun when none is left out.
fn top_of(shown: usize, of: usize, nouns: &str) -> String {
    if shown < of { format!("Top {shown} of {of} {nouns}") } else { capitalised(nouns) }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    first + characters.as_str()
}
