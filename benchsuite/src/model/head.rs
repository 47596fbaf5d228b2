//! The head: the last norm, the product with the vocabulary, and cross-entropy.
//!
//! Logits and what a softmax keeps of them would be the largest tensors of a model with a large vocabulary. Chunked,
//! only those of some tokens exist at a time, and their gradient is computed at once: what remains are the loss and the
//! gradients of the head's input and matrix.

mod chunk;

use clap::ValueEnum;
use serde::Serialize;
use tch::{Kind, Reduction, Tensor};

use super::Model;
use crate::failure::{Failure, Result};
pub(super) use chunk::Chunk;

/// How the loss is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LossKind {
    /// In chunks of tokens, whose logits are given up at once.
    Chunked,
    /// All logits at once, through autograd.
    Full,
}

/// The result of the head.
pub(crate) struct Loss {
    /// The mean cross-entropy, nats a token, a scalar that is not part of a graph.
    pub mean: Tensor,
    /// With gradients: that of the head's input.
    pub gradient: Option<Tensor>,
}

/// What the loss is asked for.
pub(crate) struct Wanted<'a> {
    /// The head's matrix, `[vocab, hidden]` or this rank's rows of it, as the master weights have it.
    pub matrix: &'a Tensor,
    /// Where to add its gradient; none: no gradients.
    pub gradient: Option<&'a Tensor>,
    /// What the loss is multiplied by before backward.
    pub scale: f64,
}

impl Model {
    /// The mean loss of predicting `targets`, `[batch, seq]`, from the residual stream, and with `wanted.gradient` the
    /// gradients of the stream, of the norm and of the matrix.
    pub(crate) fn loss(
        &self,
        kind: LossKind,
        norm: &[Tensor],
        x: &Tensor,
        targets: &Tensor,
        wanted: &Wanted<'_>,
    ) -> Result<Loss> {
        let targets = targets.f_view([-1])?;
        let input = x.f_detach()?.f_set_requires_grad(wanted.gradient.is_some())?;
        let normed = self.enter(&self.norm(norm, &input)?)?;
        let rows = normed.f_reshape([-1, self.shape.hidden])?;
        if kind == LossKind::Full {
            if self.tensor_parallel.is_some() {
                return Err(Failure::input(
                    "--loss full works on whole vocabularies: leave it out with --tp",
                ));
            }
            let matrix = wanted.matrix.f_to_kind(self.kind)?;
            let logits = rows.f_linear(&matrix, None::<&Tensor>)?.f_to_kind(Kind::Float)?;
            let mean = logits.f_cross_entropy_loss(
                &targets,
                None::<&Tensor>,
                Reduction::Mean,
                -100,
                0.0,
            )?;
            if wanted.gradient.is_none() {
                return Ok(Loss { mean, gradient: None });
            }
            mean.f_mul_scalar(wanted.scale)?.f_backward()?;
            return Ok(Loss { mean: mean.f_detach()?, gradient: Some(input.grad()) });
        }
        let (mean, gradient) = {
            let _no_graph = tch::no_grad_guard();
            let chunk = Chunk::of(rows.device(), self.shape.hidden, wanted.matrix.size()[0]);
            self.chunks(&rows.f_detach()?, &targets, wanted, chunk)?
        };
        let Some(gradient) = gradient else { return Ok(Loss { mean, gradient: None }) };
        crate::shim::backward(&[(&rows, Some(&gradient))])?;
        Ok(Loss { mean, gradient: Some(input.grad()) })
    }

    /// The loss and the gradients, a chunk at a time.
    pub(super) fn chunks(
        &self,
        rows: &Tensor,
        targets: &Tensor,
        wanted: &Wanted<'_>,
        chunk: Chunk,
    ) -> Result<(Tensor, Option<Tensor>)> {
        let matrix = chunk.padded(&wanted.matrix.f_detach()?.f_to_kind(self.kind)?)?;
        let (tokens, vocab) = (rows.size()[0], wanted.matrix.size()[0]);
        let mut sum = Tensor::f_zeros([], (Kind::Float, rows.device()))?;
        let mut gradients = Vec::new();
        let mut begin = 0;
        while begin < tokens {
            let len = chunk.tokens.min(tokens - begin);
            let (rows, targets) = (rows.f_narrow(0, begin, len)?, targets.f_narrow(0, begin, len)?);
            let logits = {
                let narrow = rows.f_linear(&matrix, None::<&Tensor>)?;
                chunk.rule_out_padding(&narrow, vocab)?;
                narrow.f_to_kind(Kind::Float)?
            };
            let (loss, probabilities, own) = match &self.tensor_parallel {
                None => {
                    let logs = logits.f_log_softmax(-1, Kind::Float)?;
                    let at_targets = logs.f_gather(1, &targets.f_unsqueeze(1)?, false)?;
                    (at_targets.f_sum(Kind::Float)?.f_neg()?, logs, targets)
                }
                Some(parallel) => parallel.log_softmax(&logits, vocab, &targets)?,
            };
            sum = sum.f_add(&loss)?;
            if let Some(total) = wanted.gradient {
                let mut gradient = probabilities;
                let _ = gradient.f_exp_()?;
                subtract_targets(&mut gradient, &own)?;
                let gradient =
                    gradient.f_mul_scalar_(wanted.scale / tokens as f64)?.f_to_kind(self.kind)?;
                let mut total = total.shallow_clone();
                if self.kind == Kind::Float && total.kind() == Kind::Float {
                    // Padding has gradients of zero.
                    let of_vocabulary = gradient.f_narrow(1, 0, vocab)?.f_transpose(0, 1)?;
                    let _ = total.f_addmm_(&of_vocabulary, &rows)?;
                } else {
                    // With the padding the product has full tiles. The sum is of the wider kind, with no copy of the part in it.
                    let part =
                        gradient.f_transpose(0, 1)?.f_matmul(&rows)?.f_narrow(0, 0, vocab)?;
                    let _ = total.f_add_(&part)?;
                }
                gradients.push(gradient.f_matmul(&matrix)?);
            }
            begin += len;
        }
        let gradient = match gradients.len() {
            0 => None,
            1 => gradients.pop(),
            _ => Some(Tensor::f_cat(&gradients, 0)?),
        };
        Ok((sum.f_mul_scalar(1.0 / tokens as f64)?, gradient))
    }
}

/// Takes 1 from each row where its target is. A target of -1 is another rank's.
fn subtract_targets(gradient: &mut Tensor, targets: &Tensor) -> Result<()> {
    let one = targets.f_ge(0)?.f_to_kind(Kind::Float)?.f_neg()?.f_unsqueeze(1)?;
    let place = targets.f_clamp_min(0)?.f_unsqueeze(1)?;
    let _ = gradient.f_scatter_add_(1, &place, &one)?;
    Ok(())
}
