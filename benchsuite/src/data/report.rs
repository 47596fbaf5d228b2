//! What the loader did, for the result of the run.

use serde::{Deserialize, Serialize};

/// What a rank's loader delivered and how long training waited for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LoaderReport {
    /// `text`, `parquet`, `arrow` or `webdataset`.
    pub format: String,
    /// Documents that were read (streams: and tokenized, those kept for validation not counted).
    pub documents: u64,
    /// Tokens produced in a second of producing them: what the loader can deliver.
    pub tokens_per_s: f64,
    /// How long the thread that trains waited for tokens, from the first step on.
    pub wait_ns: u64,
    /// Batches that waited 1 ms or longer.
    pub stalls: u64,
}

/// Rank 0's line in the summary, with what all ranks together waited.
pub(crate) fn summary<'a>(ranks: impl Iterator<Item = &'a LoaderReport> + Clone) -> Option<String> {
    let first = ranks.clone().next()?;
    let wait: u64 = ranks.clone().map(|rank| rank.wait_ns).sum();
    let stalls: u64 = ranks.map(|rank| rank.stalls).sum();
    Some(format!(
        "data {}: {} documents, loader {:.0} tokens/s a rank, waited {:.1} ms, {stalls} stalls",
        first.format,
        first.documents,
        first.tokens_per_s,
        wait as f64 / 1e6,
    ))
}
