//! What memory was for when most of it was allocated.

use perfagent_analysis::report::{AtPeak, PeakGroup, Rank};
use perfagent_recording::Timestamp;

use super::{TOP_MEMORY, label, top_of};
use crate::page::{Cell, Page, Table};
use crate::unit;

/// Writes it for the rank with the most; `--json` has it for all.
pub(super) fn write(page: &mut Page, ranks: &[Rank]) {
    let peaks = ranks.iter().filter_map(|rank| Some((rank, rank.memory.at_peak.as_ref()?)));
    // Of equal ones the first.
    let Some((rank, at_peak)) = peaks.rev().max_by_key(|(_, at_peak)| at_peak.allocated_bytes)
    else {
        return;
    };
    let of = if ranks.len() > 1 {
        format!(" of {}, which has the most", label(rank))
    } else {
        String::new()
    };
    page.section(format!("Memory at its peak{of}"));
    page.paragraph(sentence(at_peak));
    if at_peak.groups.is_empty() {
        return;
    }
    let shown = at_peak.groups.len().min(TOP_MEMORY);
    if shown < at_peak.groups.len() {
        page.paragraph(format!("{}.", top_of(shown, at_peak.groups.len(), "groups")));
    }
    let has_kinds = at_peak.groups.iter().any(|group| group.kind.is_some());
    let headings = ["what for"].into_iter().filter(|_| has_kinds);
    let rest = ["asked for at", "bytes", "of the peak", "blocks", "oldest"];
    let mut table = Table::new(headings.chain(rest).collect::<Vec<_>>());
    for group in at_peak.groups.iter().take(shown) {
        let kind = Cell::text(group.kind.as_deref().unwrap_or(unit::UNKNOWN));
        let age = group.oldest_ns.map(|oldest| at_peak.time_ns.saturating_sub(oldest));
        let cells = [
            Cell::text(place(group)),
            Cell::figure(unit::bytes(group.bytes)),
            Cell::figure(unit::share(group.bytes, at_peak.allocated_bytes)),
            Cell::figure(unit::count(group.count)),
            Cell::figure(unit::known(age, |age| format!("{} before", unit::duration(age)))),
        ];
        table.row(Some(kind).filter(|_| has_kinds).into_iter().chain(cells).collect::<Vec<_>>());
    }
    page.table(table);
}

fn sentence(at_peak: &AtPeak) -> String {
    let moment = unit::moment_exact(Timestamp::from_unix_nanos(at_peak.time_ns));
    let level = unit::bytes(at_peak.allocated_bytes);
    let mut sentences = vec![format!("{level} were allocated at {moment}.")];
    if at_peak.unseen_bytes > 0 {
        let unseen = unit::bytes(at_peak.unseen_bytes);
        sentences.push(format!("{unseen} of them are older than the recording."));
    }
    let faults = [
        (at_peak.unmatched_frees, "frees of what no recorded allocation made"),
        (at_peak.missing_frees, "allocations at an address in use, whose frees are missing"),
    ];
    let faults = faults.into_iter().filter(|(count, _)| *count > 0);
    sentences
        .extend(faults.map(|(count, what)| format!("Up to then: {} {what}.", unit::count(count))));
    sentences.join(" ")
}

/// Where the program asked for it, as far as that is known.
fn place(group: &PeakGroup) -> &str {
    group.site.as_deref().or(group.operator.as_deref()).unwrap_or(unit::UNKNOWN)
}
