//! How weights, gradients and optimizer state are spread over the ranks.

use std::ops::Range;

use tch::Kind;

/// What of the model's state is divided over the ranks of data parallelism: the stages of ZeRO.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Zero {
    /// Nothing: plain data parallel.
    Off,
    /// The optimizer's state.
    Optimizer,
    /// Gradients, too.
    Gradients,
    /// Weights, too.
    Parameters,
}

impl Zero {
    /// The stage of that number, 0 to 3.
    pub(crate) const fn of(stage: u8) -> Self {
        match stage {
            0 => Self::Off,
            1 => Self::Optimizer,
            2 => Self::Gradients,
            _ => Self::Parameters,
        }
    }
}

/// This rank's part of the model.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// What is divided over the ranks of data parallelism.
    pub zero: Zero,
    /// This rank and the number of ranks of data parallelism.
    pub data: (usize, usize),
    /// The same of tensor parallelism.
    pub tensor: (usize, usize),
    /// The units of the model that this rank has: its stage of the pipeline.
    pub units: Range<usize>,
    /// Whether the last stage of a pipeline has a copy of the embedding, for a tied head.
    pub copy_of_embedding: bool,
    /// The number format of forward and backward.
    pub kind: Kind,
}

impl Plan {
    /// Everything on one rank.
    #[cfg(test)]
    pub(crate) fn alone(units: usize) -> Self {
        Self {
            zero: Zero::Off,
            data: (0, 1),
            tensor: (0, 1),
            units: 0..units,
            copy_of_embedding: false,
            kind: Kind::Float,
        }
    }

    /// The length of a flat buffer of `len` elements that the ranks can share out.
    pub(crate) fn padded(&self, len: i64) -> i64 {
        let ranks = self.data.1 as i64;
        (len + ranks - 1) / ranks * ranks
    }

    /// The elements of such a buffer that this rank updates.
    pub(crate) fn own(&self, padded: i64) -> Range<i64> {
        if self.zero == Zero::Off {
            return 0..padded;
        }
        let share = padded / self.data.1 as i64;
        let start = self.data.0 as i64 * share;
        start..start + share
    }

    /// Whether gradients of whole units stay from step to step.
    pub(crate) fn keeps_gradients(&self) -> bool {
        self.zero < Zero::Gradients
    }
}
