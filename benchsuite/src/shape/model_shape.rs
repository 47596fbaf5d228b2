//! The shape of a model of either family, and what a run needs to know of it.

use serde::Serialize;

use super::{Architecture, ResNet, Shape};
use crate::failure::Result;

/// What can be trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// A language model.
    Language(Architecture),
    /// A network for images.
    Images,
}

impl Family {
    /// The name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Language(architecture) => architecture.name(),
            Self::Images => "resnet50",
        }
    }

    /// What a second's work is counted in, beside tokens.
    pub(crate) const fn samples(self) -> &'static str {
        match self {
            Self::Language(_) => "sequences",
            Self::Images => "images",
        }
    }
}

/// The numbers that define a model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum ModelShape {
    /// Of a language model.
    Language(Shape),
    /// Of a network for images.
    Images(ResNet),
}

impl ModelShape {
    /// Its family.
    pub(crate) const fn family(&self) -> Family {
        match self {
            Self::Language(shape) => Family::Language(shape.architecture),
            Self::Images(_) => Family::Images,
        }
    }

    /// Trainable parameters.
    pub(crate) fn parameters(&self) -> i64 {
        match self {
            Self::Language(shape) => shape.parameters(),
            Self::Images(shape) => shape.parameters(),
        }
    }

    /// Those that one token or image is multiplied with.
    pub(crate) fn active_parameters(&self) -> i64 {
        match self {
            Self::Language(shape) => shape.active_parameters(),
            Self::Images(shape) => shape.parameters(),
        }
    }

    /// Floating-point operations of forward and backward for one sequence or image.
    pub(crate) fn flops_per_sample(&self) -> f64 {
        match self {
            Self::Language(shape) => shape.flops_per_token() * shape.seq as f64,
            Self::Images(shape) => shape.flops(),
        }
    }

    /// Tokens of a sample; of images there are none.
    pub(crate) fn tokens_per_sample(&self) -> Option<i64> {
        match self {
            Self::Language(shape) => Some(shape.seq),
            Self::Images(_) => None,
        }
    }

    /// Units between the first and the head.
    pub(crate) fn blocks(&self) -> i64 {
        match self {
            Self::Language(shape) => shape.layers,
            Self::Images(shape) => shape.block_count(),
        }
    }

    /// Whether the head has the matrix of the first unit.
    pub(crate) fn is_tied(&self) -> bool {
        matches!(self, Self::Language(shape) if shape.tied)
    }

    /// Checks that the numbers go together.
    pub(crate) fn check(&self) -> Result<()> {
        match self {
            Self::Language(shape) => shape.check(),
            Self::Images(shape) => shape.check(),
        }
    }
}

impl From<&Shape> for ModelShape {
    fn from(shape: &Shape) -> Self {
        Self::Language(*shape)
    }
}

impl From<&ResNet> for ModelShape {
    fn from(shape: &ResNet) -> Self {
        Self::Images(*shape)
    }
}
