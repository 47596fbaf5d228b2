//! What a rank of perfagent-bench holds: units of tensors, and which of them are its stage's.
//!
//! From `benchsuite/src/parameters/layout.rs` (tensors and how they are divided) and `train.rs` (units of a stage).

use crate::setup::Setup;
use crate::shape::Shape;

/// Elements of one rank's part of the units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Layout {
    /// The token embedding, and learned positions.
    pub embedding: f64,
    /// Rows of the token embedding alone.
    pub table: f64,
    /// One block.
    pub block: f64,
    /// The last norm, and the head's matrix where it is not the embedding.
    pub head: f64,
}

/// A rank's part of the pipeline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stage {
    pub first: bool,
    pub last: bool,
    pub blocks: f64,
    /// Micro-batches whose activations it holds at most: 1F1B.
    pub in_flight: f64,
}

/// Whether the model has biases, layer norms and learned positions.
pub(super) fn is_gpt(setup: &Setup) -> bool {
    setup.arch == "gpt"
}

impl Layout {
    pub(super) fn of(s: &Setup) -> Self {
        let shape = &s.shape;
        let (h, tp) = (shape.hidden, s.tp);
        let table = shape.vocab * h / tp;
        let (gpt, norm) = (is_gpt(s), Self::norm(s));
        let qkv = shape.query_width + shape.key_value_width;
        let matrices = h * (qkv + shape.query_width) / tp;
        let feed_forward = shape.ffn_matrices * h * shape.ffn / tp;
        let biases = if gpt { (qkv + shape.ffn) / tp + 2.0 * h } else { 0.0 };
        let experts = shape.experts.map_or(0.0, |experts| experts * h);
        Self {
            embedding: table + if gpt { shape.seq * h } else { 0.0 },
            table,
            block: matrices
                + feed_forward * shape.experts.unwrap_or(1.0)
                + experts
                + biases
                + 2.0 * norm,
            head: norm + if shape.tied { 0.0 } else { table },
        }
    }

    /// Elements of a norm.
    fn norm(s: &Setup) -> f64 {
        if is_gpt(s) { 2.0 * s.shape.hidden } else { s.shape.hidden }
    }

    /// Elements of a stage; where a tied head has a pipeline between it and the embedding, it has a copy.
    pub(super) fn of_stage(&self, shape: &Shape, stage: Stage) -> f64 {
        let copy = if shape.tied && stage.last && !stage.first { self.embedding } else { 0.0 };
        let first = if stage.first { self.embedding } else { 0.0 };
        let last = if stage.last { self.head } else { 0.0 };
        first + stage.blocks * self.block + last + copy
    }
}

/// All stages: as many blocks as any other, or one more in the first ones.
pub(super) fn stages(s: &Setup) -> Vec<Stage> {
    let stages = s.pp.max(1.0) as usize;
    let layers = s.shape.layers as usize;
    (0..stages)
        .map(|index| Stage {
            first: index == 0,
            last: index + 1 == stages,
            blocks: (layers / stages + usize::from(index < layers % stages)) as f64,
            in_flight: ((stages - index) as f64).min(s.passes),
        })
        .collect()
}
