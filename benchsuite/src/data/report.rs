//! What the loader did, for the result of the run.

use serde::{Deserialize, Serialize};

/// What a rank's loader delivered and how long training waited for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LoaderReport {
    /// `text`, `parquet`, `arrow` or `webdataset`; `drawn` of images.
    pub format: String,
    /// Documents that were read (streams: and tokenized, those kept for validation not counted); images that were drawn.
    pub documents: u64,
    /// Tokens produced in a second of producing them: what the loader can deliver. None of images.
    pub tokens_per_s: Option<f64>,
    /// Images produced in a second of producing them. None of text.
    #[serde(default)]
    pub samples_per_s: Option<f64>,
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
    let (things, rate, unit) = match first.samples_per_s {
        Some(rate) => ("images", rate, "images"),
        None => ("documents", first.tokens_per_s.unwrap_or_default(), "tokens"),
    };
    Some(format!(
        "data {}: {} {things}, loader {rate:.0} {unit}/s a rank, waited {:.1} ms, {stalls} stalls",
        first.format,
        first.documents,
        wait as f64 / 1e6,
    ))
}
