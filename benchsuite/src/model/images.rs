//! The forward pass of a residual network for images: the stem, blocks, and the head with its loss. Images are
//! `[batch, channels, height, width]`, with the channels of a pixel next to each other in memory, as GPUs and CPUs compute
//! convolutions fastest; that follows from the first tensor, the batch.
//!
//! Norms compute in fp32 whatever the activations are, and their running statistics are fp32.

use tch::{Kind, Reduction, Tensor};

use super::head::Loss;
use crate::failure::Result;
use crate::parameters::Unit;
use crate::shape::{Block, COLOURS, Convolution, ResNet};

/// What is added to variances.
const EPSILON: f64 = 1e-5;
/// The share of the latest batch in running statistics.
const MOMENTUM: f64 = 0.1;

/// What a forward pass is for: batch norms work differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// To train: norms take the batch's own statistics, and remember them.
    Train,
    /// The same once more in backward, of a batch that norms remember already.
    Again,
    /// To validate: norms take what they remember.
    Validate,
}

/// A network's computation.
pub(crate) struct ImageModel {
    stem: Convolution,
    blocks: Vec<Block>,
    image_size: i64,
    /// The number format of activations.
    pub(super) kind: Kind,
}

impl ImageModel {
    /// A network of this shape, whose activations are of `kind`.
    pub(crate) fn new(shape: &ResNet, kind: Kind) -> Self {
        let (stem, blocks) = (shape.stem(), shape.all_blocks());
        Self { stem, blocks, image_size: shape.image_size, kind }
    }

    /// The shape of what goes into block `number`, or, of the number of blocks, into the head.
    pub(super) fn input_shape(&self, number: usize, batch: i64) -> Vec<i64> {
        let (channels, side) = match number.checked_sub(1).and_then(|at| self.blocks.get(at)) {
            Some(before) => before.output(),
            None => (self.stem.outputs, self.stem.side / 2),
        };
        vec![batch, channels, side, side]
    }

    /// Convolution and norm `at` of the unit.
    fn normed(
        &self,
        unit: &Unit,
        (at, convolution): (usize, &Convolution),
        x: &Tensor,
        pass: Pass,
    ) -> Result<Tensor> {
        let weights = &unit.leaves()[3 * at..];
        let kernel = cast(&weights[0], self.kind)?;
        let (stride, padding) = ([convolution.stride; 2], [convolution.kernel / 2; 2]);
        let x = x.f_conv2d(&kernel, None::<&Tensor>, stride, padding, [1, 1], 1)?;
        let (weight, bias) = (cast(&weights[1], Kind::Float)?, cast(&weights[2], Kind::Float)?);
        let statistics = unit.statistics.get(at).filter(|_| pass != Pass::Again);
        Ok(x.f_batch_norm(
            Some(&weight),
            Some(&bias),
            statistics.map(|statistics| &statistics.mean),
            statistics.map(|statistics| &statistics.variance),
            pass != Pass::Validate,
            MOMENTUM,
            EPSILON,
            true,
        )?)
    }

    /// What the stem makes of images `[batch, 3, side, side]`.
    pub(super) fn stem(&self, unit: &Unit, images: &Tensor, pass: Pass) -> Result<Tensor> {
        debug_assert_eq!(images.size()[1..], [COLOURS, self.image_size, self.image_size]);
        let x = self.normed(unit, (0, &self.stem), &images.f_to_kind(self.kind)?, pass)?;
        Ok(x.shallow_clone().f_relu_()?.f_max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false)?)
    }

    /// Block `number` of the network.
    pub(super) fn block(
        &self,
        unit: &Unit,
        number: usize,
        input: &Tensor,
        pass: Pass,
    ) -> Result<Tensor> {
        let block = &self.blocks[number];
        let last = block.convolutions.len() - 1;
        let mut x = input.shallow_clone();
        for (at, convolution) in block.convolutions.iter().enumerate() {
            x = self.normed(unit, (at, convolution), &x, pass)?;
            if at < last {
                x = x.f_relu_()?;
            }
        }
        let beside = match &block.shortcut {
            Some(shortcut) => self.normed(unit, (last + 1, shortcut), input, pass)?,
            None => input.shallow_clone(),
        };
        // In place: a norm keeps its input for backward, not its output.
        Ok(x.f_add_(&beside)?.f_relu_()?)
    }

    /// The mean cross-entropy of classes `targets`, `[batch]`, from what the last block has made; with a `scale`, which
    /// the loss is multiplied by, gradients of `x` and of the head.
    pub(crate) fn loss(
        &self,
        head: &Unit,
        x: &Tensor,
        targets: &Tensor,
        scale: Option<f64>,
    ) -> Result<Loss> {
        let input = x.f_detach()?.f_set_requires_grad(scale.is_some())?;
        let features = input.f_mean_dim([2_i64, 3].as_slice(), false, self.kind)?;
        let [weight, bias] =
            [&head.leaves()[0], &head.leaves()[1]].map(|leaf| cast(leaf, self.kind));
        let logits = features.f_linear(&weight?, Some(&bias?))?.f_to_kind(Kind::Float)?;
        let none = None::<&Tensor>;
        let mean = logits.f_cross_entropy_loss(targets, none, Reduction::Mean, -100, 0.0)?;
        let Some(scale) = scale else { return Ok(Loss { mean, gradient: None }) };
        mean.f_mul_scalar(scale)?.f_backward()?;
        Ok(Loss { mean: mean.f_detach()?, gradient: Some(input.grad()) })
    }
}

/// The tensor in `kind`; where that is another, a copy that autograd casts back.
fn cast(leaf: &Tensor, kind: Kind) -> Result<Tensor> {
    Ok(if leaf.kind() == kind { leaf.shallow_clone() } else { leaf.f_to_kind(kind)? })
}
