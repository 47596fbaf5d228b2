//! The data of a model of either family: text as `Batches` of tokens, or images.

use tch::{Device, Tensor};

use super::images::{ImageBatches, Images};
use super::report::LoaderReport;
use super::{Batches, Text, prepare};
use crate::failure::Result;
use crate::options::Job;
use crate::shape::ModelShape;

/// What is trained on.
pub(crate) enum Data {
    /// With a language model.
    Text(Text),
    /// With a network for images.
    Images(Images),
}

impl Data {
    /// The data of this job.
    pub(crate) fn open(job: &Job) -> Result<Self> {
        Ok(match &job.shape {
            ModelShape::Language(shape) => Self::Text(prepare(&job.data, shape.vocab)?),
            ModelShape::Images(shape) => Self::Images(Images::new(shape, job.seed)),
        })
    }

    /// Equal on every rank or something is wrong.
    pub(crate) fn checksum(&self) -> u64 {
        match self {
            Self::Text(text) => text.checksum(),
            Self::Images(images) => images.checksum(),
        }
    }

    /// How much there is, for people.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Text(text) => text.describe(),
            Self::Images(images) => images.describe(),
        }
    }

    /// Batches of it for a job over `ranks` ranks.
    pub(crate) fn feed(&self, job: &Job, ranks: usize, device: Device) -> Result<Feed<'_>> {
        Ok(match self {
            Self::Text(text) => {
                let seq = job.shape.tokens_per_sample().unwrap_or(1);
                let per_step = job.samples_per_step(ranks);
                Feed::Text(Batches::new(text, seq, job.seed, per_step, device)?)
            }
            Self::Images(images) => Feed::Images(ImageBatches::new(images, device)?),
        })
    }
}

/// Where batches come from.
pub(crate) enum Feed<'a> {
    /// Token ids, `[count, seq]`, and the same one token later.
    Text(Batches<'a>),
    /// Images, `[count, 3, side, side]`, and their classes, `[count]`.
    Images(ImageBatches),
}

impl Feed<'_> {
    /// Samples `first..first+count` of the global batch of a step, as inputs and targets.
    pub(crate) fn train(&self, step: u64, first: u64, count: i64) -> Result<(Tensor, Tensor)> {
        match self {
            Self::Text(batches) => batches.train(step, first, count),
            Self::Images(batches) => batches.train(step, first, count),
        }
    }

    /// `count` samples that are never trained on.
    pub(crate) fn validation(&self, count: i64) -> Result<(Tensor, Tensor)> {
        match self {
            Self::Text(batches) => batches.validation(count),
            Self::Images(batches) => batches.validation(count),
        }
    }

    /// What the loader did until now.
    pub(crate) fn report(&self) -> LoaderReport {
        match self {
            Self::Text(batches) => batches.report(),
            Self::Images(batches) => batches.report(),
        }
    }
}
