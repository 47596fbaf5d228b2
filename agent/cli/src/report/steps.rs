//! How long the training steps took.

use perfagent_analysis::report::Rank;

use super::{label_cell, picture};
use crate::page::{Cell, Page, Table};
use crate::unit;

/// Writes one row a rank.
pub(super) fn write(page: &mut Page, ranks: &[Rank]) {
    page.section("Steps");
    picture::write_steps(page, ranks);
    if ranks.iter().all(|rank| rank.step.count == 0) {
        write_detected(page, ranks);
        page.paragraph(
            "No steps in the recording: put an NVTX range named `step` around each training step to see them here.",
        );
        return;
    }
    let mut table = Table::new(["", "steps", "mean", "p50", "p99", "longest", "at step"]);
    for rank in ranks {
        let longest = rank.steps.iter().min_by_key(|step| std::cmp::Reverse(step.duration_ns));
        table.row([
            label_cell(rank),
            Cell::figure(unit::count(rank.step.count)),
            Cell::figure(unit::known(rank.step.mean_ns, unit::mean_duration)),
            Cell::figure(unit::known(rank.step.p50_ns, unit::duration)),
            Cell::figure(unit::known(rank.step.p99_ns, unit::duration)),
            Cell::figure(unit::known(longest, |step| unit::duration(step.duration_ns))),
            Cell::figure(unit::known(longest, |step| step.index.to_string())),
        ]);
    }
    page.table(table);
}

/// Writes what the order of the kernels tells, where no step is marked.
fn write_detected(page: &mut Page, ranks: &[Rank]) {
    let detected: Vec<_> =
        ranks.iter().filter_map(|rank| Some((rank, rank.detected_steps.as_ref()?))).collect();
    if detected.is_empty() {
        return;
    }
    let mut table = Table::new(["", "detected", "mean", "p50", "p99", "beginning with"]);
    for (rank, steps) in detected {
        table.row([
            label_cell(rank),
            Cell::figure(unit::count(steps.count)),
            Cell::figure(unit::known(steps.mean_ns, unit::mean_duration)),
            Cell::figure(unit::known(steps.p50_ns, unit::duration)),
            Cell::figure(unit::known(steps.p99_ns, unit::duration)),
            Cell::kernel(&steps.anchor),
        ]);
    }
    page.table(table);
    page.paragraph("Detected from the order of the kernels, from one to the next on the GPU.");
}
