//! The computation of a model of either family, unit by unit.

use tch::{Device, Kind, Tensor};

use super::{BlockOutput, ImageModel, Model, Pass};
use crate::failure::Result;
use crate::options::Job;
use crate::parallel::TensorParallel;
use crate::parameters::Unit;
use crate::shape::ModelShape;

/// What a stage computes with.
pub(crate) enum Network {
    /// Token ids to a residual stream.
    Language(Model),
    /// Images to features.
    Images(ImageModel),
}

impl From<Model> for Network {
    fn from(model: Model) -> Self {
        Self::Language(model)
    }
}

impl From<ImageModel> for Network {
    fn from(model: ImageModel) -> Self {
        Self::Images(model)
    }
}

impl Network {
    /// The computation of this job.
    pub(crate) fn new(job: &Job, parallel: Option<TensorParallel>, device: Device) -> Result<Self> {
        let kind = job.precision.kind();
        Ok(match &job.shape {
            ModelShape::Language(shape) => {
                Model::new(shape, (kind, job.fp8()), job.recompute, parallel, device)?.into()
            }
            ModelShape::Images(shape) => ImageModel::new(shape, kind).into(),
        })
    }

    /// The number format of activations.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Language(model) => model.kind,
            Self::Images(model) => model.kind,
        }
    }

    /// The shape on this rank of what goes into block `number` for `batch` samples.
    pub(crate) fn input_shape(&self, number: usize, batch: i64) -> Vec<i64> {
        match self {
            Self::Language(model) => model.stream_shape(batch, model.shape.seq).to_vec(),
            Self::Images(model) => model.input_shape(number, batch),
        }
    }

    /// Whether backward of the first unit reads its weights: that of an embedding does not.
    pub(crate) fn rereads_first(&self) -> bool {
        matches!(self, Self::Images(_))
    }

    /// What the first unit makes of token ids, `[batch, seq]`, or of images, `[batch, 3, side, side]`.
    pub(crate) fn first(&self, unit: &Unit, input: &Tensor, pass: Pass) -> Result<Tensor> {
        match self {
            Self::Language(model) => model.embed(unit.leaves(), input),
            Self::Images(model) => model.stem(unit, input, pass),
        }
    }

    /// Block `number` of the model.
    pub(crate) fn block(
        &self,
        unit: &Unit,
        number: usize,
        x: &Tensor,
        pass: Pass,
    ) -> Result<BlockOutput> {
        match self {
            Self::Language(model) => model.block(&unit.working(usize::MAX, model.kind)?, x),
            Self::Images(model) => {
                let x = model.block(unit, number, x, pass)?;
                Ok(BlockOutput { x, balance: None, experts: 0 })
            }
        }
    }
}
