//! The report of all recordings of a document together: of ranks that were recorded one by one, the collectives are matched
//! across them.

use std::borrow::Cow;

use perfagent_analysis::Report;

use super::document::Document;

/// The document's report. Takes as long as the analysis of all recordings when there are several: for a worker.
#[must_use]
pub fn report(document: &Document) -> Cow<'_, Report> {
    if let [source] = &document.sources[..] {
        return Cow::Borrowed(&source.report);
    }
    let paths: Vec<String> =
        document.sources.iter().map(|source| source.path.display().to_string()).collect();
    let recordings: Vec<_> = document
        .sources
        .iter()
        .zip(&paths)
        .map(|(source, path)| (&source.recording, path.as_str()))
        .collect();
    Cow::Owned(perfagent_analysis::report_many(&recordings))
}

/// What the ranks of a report are called, in its order: `Rank 3`, `Process 4711`.
#[must_use]
pub fn rank_names(report: &Report) -> Vec<String> {
    report.ranks.iter().map(|rank| rank_name(rank.rank, rank.pid)).collect()
}

/// What a rank is called.
#[must_use]
pub fn rank_name(rank: Option<i64>, pid: i64) -> String {
    rank.map_or_else(|| format!("Process {pid}"), |rank| format!("Rank {rank}"))
}
