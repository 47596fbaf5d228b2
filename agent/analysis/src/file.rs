//! The recordings of a run as files.

use crate::Summary;
use crate::clock::Clocks;

/// From the first to the last thing recorded. Times of different clocks are not subtracted from each other.
pub(crate) fn duration(summaries: &[Summary], clocks: &Clocks) -> i64 {
    let mut spans: Vec<(usize, i64, i64)> = Vec::new();
    for (position, summary) in summaries.iter().enumerate() {
        let Some(first) = summary.facts.start_ns else { continue };
        let last = first.saturating_add(summary.facts.duration_ns);
        let (clock, shift) = clocks.of_file(position);
        let (first, last) = (first.saturating_add(shift), last.saturating_add(shift));
        match spans.iter_mut().find(|span| span.0 == clock) {
            Some(span) => (span.1, span.2) = (span.1.min(first), span.2.max(last)),
            None => spans.push((clock, first, last)),
        }
    }
    spans.iter().map(|(_, first, last)| last.saturating_sub(*first)).max().unwrap_or(0)
}
