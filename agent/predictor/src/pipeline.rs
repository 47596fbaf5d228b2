//! What a pipeline's schedule holds and waits for: one forward, one backward (1F1B), with virtual stages or without.

/// Micro-batches whose activations `stage` (from 0) of `stages` holds at most, of a step of `passes`: as many as there are
/// stages to the end. With virtual stages the first parts run ahead, which costs a part of a pipeline more.
#[must_use]
pub fn in_flight(stage: f64, stages: f64, passes: f64, virtual_stages: f64) -> f64 {
    let interleaved =
        if virtual_stages > 1.0 { 1.0 + (stages - 1.0) / (stages * virtual_stages) } else { 1.0 };
    passes.min(stages - stage) * interleaved
}

/// Micro-batches that a stage could have worked on while the pipeline fills and drains.
#[must_use]
pub fn bubble(stages: f64, virtual_stages: f64) -> f64 {
    (stages - 1.0) / virtual_stages.max(1.0)
}
