//! The forward pass: embedding, blocks, and the head with its loss, each from the tensors of one unit. Here that of language
//! models; `images` has that of networks for images, and `network` is either.
//! Norm statistics are fp32 inside libtorch's kernels, and the softmax of the loss is fp32, whatever the weights are.

mod activated;
mod attention;
mod blocks;
mod cached;
mod eight_bits;
mod experts;
mod head;
mod images;
mod network;
mod norm;
mod rotary;

pub(crate) use cached::{LayerCache, Next};
pub(crate) use eight_bits::Fp8Scaling;
pub(crate) use head::{Loss, LossKind, Wanted};
pub(crate) use images::{ImageModel, Pass};
pub(crate) use network::Network;

use tch::{Device, Kind, Tensor};

use crate::failure::Result;
use crate::options::Recompute;
use crate::parallel::TensorParallel;
use crate::shape::{Architecture, Shape};
use blocks::Attend;
use rotary::Rotary;

/// A language model's computation on one rank.
pub(crate) struct Model {
    shape: Shape,
    /// The number format of activations.
    kind: Kind,
    /// Products of blocks in 8 bits.
    fp8: Option<Fp8Scaling>,
    recompute: Recompute,
    tensor_parallel: Option<TensorParallel>,
    rotary: Option<Rotary>,
}

/// What a block gives to the next: the residual stream, and with experts a loss that spreads tokens over them.
pub(crate) struct BlockOutput {
    /// `[batch, seq, hidden]`
    pub x: Tensor,
    /// A scalar, before its coefficient.
    pub balance: Option<Tensor>,
    /// Experts that some token was sent to; 0 without experts.
    pub experts: i64,
}

impl Model {
    /// A model of this shape. Activations are of `kind`, products of blocks with `fp8` in 8 bits.
    pub(crate) fn new(
        shape: &Shape,
        (kind, fp8): (Kind, Option<Fp8Scaling>),
        recompute: Recompute,
        tensor_parallel: Option<TensorParallel>,
        device: Device,
    ) -> Result<Self> {
        let rotary = match shape.architecture {
            Architecture::Gpt => None,
            Architecture::Llama | Architecture::Moe => Some(Rotary::new(shape, kind, device)?),
        };
        Ok(Self { shape: *shape, kind, fp8, recompute, tensor_parallel, rotary })
    }

    /// Ranks that compute a block together.
    pub(crate) fn parts(&self) -> i64 {
        self.tensor_parallel.as_ref().map_or(1, TensorParallel::size)
    }

    /// The residual stream's shape on this rank for token ids `[batch, seq]`.
    pub(crate) fn stream_shape(&self, batch: i64, seq: i64) -> [i64; 3] {
        let share = match &self.tensor_parallel {
            Some(parallel) if parallel.divides_sequences() => seq / parallel.size(),
            _ => seq,
        };
        [batch, share, self.shape.hidden]
    }

    /// The start of the residual stream of `ids`, `[batch, seq]`. The embedding's tensors are taken as they are: only the
    /// rows that are looked up are converted.
    pub(crate) fn embed(&self, weights: &[Tensor], ids: &Tensor) -> Result<Tensor> {
        let tokens = match &self.tensor_parallel {
            None => Tensor::f_embedding(&weights[0], ids, -1, false, false)?,
            Some(parallel) => parallel.leave(&parallel.embedding(&weights[0], ids)?)?,
        };
        let x = match weights.get(1) {
            None => tokens,
            Some(positions) => {
                let seq = ids.size()[1];
                let (begin, len) = match &self.tensor_parallel {
                    Some(parallel) if parallel.divides_sequences() => {
                        (parallel.rank() * (seq / parallel.size()), seq / parallel.size())
                    }
                    _ => (0, seq),
                };
                tokens.f_add(&positions.f_narrow(0, begin, len)?)?
            }
        };
        Ok(x.f_to_kind(self.kind)?)
    }

    /// One block.
    pub(crate) fn block(&self, weights: &[Tensor], x: &Tensor) -> Result<BlockOutput> {
        self.block_with(weights, x, &|qkv| self.attention(qkv), true)
    }

    /// One block with this attention; with `balance`, the loss that spreads tokens over experts.
    fn block_with(
        &self,
        weights: &[Tensor],
        x: &Tensor,
        attend: Attend<'_>,
        balance: bool,
    ) -> Result<BlockOutput> {
        let x = match self.shape.architecture {
            Architecture::Gpt => self.gpt_block(weights, x, attend)?,
            Architecture::Llama => self.llama_block(weights, x, attend)?,
            Architecture::Moe => return self.moe_block(weights, x, attend, balance),
        };
        Ok(BlockOutput { x, balance: None, experts: 0 })
    }

    /// A product of a block, and its bias.
    fn product(&self, x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
        let Some(scaling) = self.fp8 else { return Ok(x.f_linear(weight, bias)?) };
        let out = eight_bits::linear(x, weight, scaling)?;
        Ok(bias.map_or_else(|| Ok(out.shallow_clone()), |bias| out.f_add(bias))?)
    }

    /// Before a product whose outputs are divided: the whole input on every rank.
    fn enter(&self, x: &Tensor) -> Result<Tensor> {
        self.tensor_parallel.as_ref().map_or_else(|| Ok(x.shallow_clone()), |tp| tp.enter(x))
    }

    /// A product whose inputs are divided, and its bias: the sum over all ranks.
    fn leave(&self, x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
        self.left(bias, |bias| self.product(x, weight, bias))
    }

    /// The same of a product that is given the bias only where there is nothing to sum.
    fn left(
        &self,
        bias: Option<&Tensor>,
        product: impl Fn(Option<&Tensor>) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let Some(parallel) = &self.tensor_parallel else { return product(bias) };
        let out = parallel.leave(&product(None)?)?;
        Ok(bias.map_or_else(|| Ok(out.shallow_clone()), |bias| out.f_add(bias))?)
    }
}

#[cfg(test)]
mod image_tests;
#[cfg(test)]
mod tests;
