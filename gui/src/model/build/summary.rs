//! The figures of the top bar.

use crate::model::document::{Document, Summary};
use crate::model::lane::Lane;
use crate::units;

/// Sums up the reports of all recordings.
pub(super) fn summary(document: &Document) -> Summary {
    let mut summary = Summary {
        ranks: document.groups.len(),
        duration_ns: document.span.map_or(0, super::Viewport::length),
        events: document.lanes.iter().map(Lane::len).sum::<usize>() as u64,
        ..Summary::default()
    };
    let mut step_time = 0.0;
    let mut step_count = 0;
    for source in &document.sources {
        let report = &source.report;
        for rank in &report.ranks {
            summary.steps = summary.steps.max(rank.steps.len());
            if let Some(mean) = rank.step.mean_ns {
                step_time += mean * rank.step.count as f64;
                step_count += rank.step.count;
            }
        }
        for loss in &report.recording.losses {
            let count = u64::try_from(loss.count).unwrap_or(0);
            let whose = match (loss.rank, loss.pid) {
                (Some(rank), _) => format!(" on rank {rank}"),
                (None, Some(pid)) => format!(" in process {pid}"),
                (None, None) => String::new(),
            };
            let cause = loss.cause.replace('_', " ");
            summary.lost += count;
            summary.losses.push(format!("{}{whose}: {cause}", units::counted(count, "event")));
        }
        summary.warnings.extend(report.warnings.iter().cloned());
    }
    let too_deep: usize = document.tracks.iter().map(|track| track.too_deep).sum();
    if too_deep > 0 {
        let events = units::counted(too_deep as u64, "event");
        summary.warnings.push(format!("{events} nested too deeply to be drawn"));
    }
    if step_count > 0 {
        summary.mean_step_ns = Some((step_time / step_count as f64).round() as i64);
    }
    summary
}
