//! What could not be kept. Always on the page, so that its absence means something.

use perfagent_analysis::Report;
use perfagent_recording::Timestamp;

use crate::page::{Cell, Page, Table};
use crate::unit;

/// Writes one row a process and cause, or that nothing was lost.
pub(super) fn write(page: &mut Page, report: &Report) {
    page.section("Lost");
    let losses: Vec<_> = report.recording.losses.iter().filter(|loss| loss.count > 0).collect();
    if losses.is_empty() {
        page.paragraph("Nothing lost: no event is known to be missing.");
        return;
    }
    let mut table = Table::new(["process", "cause", "events", "from", "until"]);
    for loss in losses {
        let process = match (loss.rank, loss.pid) {
            (Some(rank), _) => format!("rank {rank}"),
            (None, Some(pid)) => format!("pid {pid}"),
            (None, None) => "whole recording".to_owned(),
        };
        let moment = |nanos| unit::moment_exact(Timestamp::from_unix_nanos(nanos));
        table.row([
            Cell::text(process),
            Cell::text(&loss.cause),
            Cell::figure(unit::count(loss.count)),
            Cell::text(unit::known(loss.start_ns, moment)),
            Cell::text(unit::known(loss.end_ns, moment)),
        ]);
    }
    page.table(table);
    page.paragraph("Figures that these events would have entered are too small.");
}
