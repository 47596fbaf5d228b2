//! Tensor parallelism (Shoeybi et al. 2019): each rank has some rows of the first matrix of a pair and the same columns
//! of the second, so that one sum over the ranks is needed for a pair. With sequence parallelism (Korthikanti et al.
//! 2022) what lies between the pairs is divided along the sequence, and the sum becomes a reduce-scatter with an
//! all-gather before the next pair.

use std::sync::Arc;

use tch::{Kind, Tensor};

use super::sequence;
use crate::engine::{Collectives, Group};
use crate::failure::Result;
use crate::shim::{Bridge, Operation, bridge};

/// The ranks that compute a block together.
#[derive(Clone)]
pub(crate) struct TensorParallel {
    engine: Arc<dyn Collectives>,
    by_sequence: bool,
}

impl TensorParallel {
    /// With `by_sequence` what lies between pairs of matrices is divided along the sequence.
    pub(crate) fn new(engine: Arc<dyn Collectives>, by_sequence: bool) -> Self {
        Self { engine, by_sequence }
    }

    /// Ranks.
    pub(crate) fn size(&self) -> i64 {
        self.engine.size() as i64
    }

    /// This rank.
    pub(crate) fn rank(&self) -> i64 {
        self.engine.rank() as i64
    }

    /// Whether the residual stream is divided along the sequence.
    pub(crate) fn divides_sequences(&self) -> bool {
        self.by_sequence
    }

    fn apply(&self, forward: Step, backward: Step, x: &Tensor) -> Result<Tensor> {
        let exchange = Exchange { engine: Arc::clone(&self.engine), forward, backward };
        bridge(Box::new(exchange), &[x], false)
    }

    /// Before the first matrix of a pair: all of the stream; gradients are summed.
    pub(crate) fn enter(&self, x: &Tensor) -> Result<Tensor> {
        if self.by_sequence {
            return self.apply(Step::Gather, Step::Scatter, x);
        }
        self.apply(Step::Same, Step::Sum, x)
    }

    /// After the second matrix of a pair: the sum over the ranks, or this rank's stretch of it.
    pub(crate) fn leave(&self, x: &Tensor) -> Result<Tensor> {
        if self.by_sequence {
            return self.apply(Step::Scatter, Step::Gather, x);
        }
        self.apply(Step::Sum, Step::Same, x)
    }

    /// What every rank has alike and uses for a part of its own: gradients are summed.
    pub(crate) fn sum_gradients(&self, x: &Tensor) -> Result<Tensor> {
        self.apply(Step::Same, Step::Sum, x)
    }

    /// What every rank uses alike although gradients will be summed: each gives an equal share of them.
    pub(crate) fn share_of_gradient(&self, x: &Tensor) -> Result<Tensor> {
        self.apply(Step::Same, Step::Share, x)
    }

    /// Rows of an embedding of which this rank has some; those of others are zero.
    pub(crate) fn embedding(&self, rows: &Tensor, ids: &Tensor) -> Result<Tensor> {
        let own = self.own(ids, rows.size()[0])?;
        let found = Tensor::f_embedding(rows, &own.f_clamp_min(0)?, -1, false, false)?;
        Ok(found.f_mul(&own.f_ge(0)?.f_unsqueeze(-1)?.f_to_kind(rows.kind())?)?)
    }

    /// Ids counted from the first of this rank's `len` rows; -1 where they are another rank's.
    fn own(&self, ids: &Tensor, len: i64) -> Result<Tensor> {
        let local = ids.f_sub_scalar(self.rank() * len)?;
        let elsewhere = local.f_lt(0)?.f_logical_or(&local.f_ge(len)?)?;
        Ok(local.f_masked_fill(&elsewhere, -1)?)
    }

    /// From this rank's columns of the logits, `[tokens, vocab]` with perhaps more columns of -inf: the sum of all tokens'
    /// losses, the logarithms of the probabilities of its columns, and the targets counted within them (-1 elsewhere).
    pub(crate) fn log_softmax(
        &self,
        logits: &Tensor,
        vocab: i64,
        targets: &Tensor,
    ) -> Result<(Tensor, Tensor, Tensor)> {
        let tokens = logits.size()[0];
        let own_sum = logits.f_logsumexp([-1], false)?;
        let sums = Tensor::f_empty([self.size() * tokens], (own_sum.kind(), own_sum.device()))?;
        let operation = Operation::AllGather { out: &sums, input: &own_sum };
        self.engine.run(Group::TensorParallel, &operation)?;
        let total = sums.f_view([self.size(), tokens])?.f_logsumexp([0], false)?;
        let logs = logits.f_sub(&total.f_unsqueeze(1)?)?;
        let own = self.own(targets, vocab)?;
        let at_target = logs.f_gather(1, &own.f_clamp_min(0)?.f_unsqueeze(1)?, false)?;
        let here = own.f_ge(0)?.f_to_kind(Kind::Float)?.f_unsqueeze(1)?;
        let sum = at_target.f_mul(&here)?.f_sum(Kind::Float)?.f_neg()?.f_view([1])?;
        self.engine.run(Group::TensorParallel, &Operation::AllReduceSum(&sum))?;
        Ok((sum.f_squeeze()?, logs, own))
    }
}

/// What happens to a tensor on its way.
#[derive(Clone, Copy)]
enum Step {
    /// Nothing.
    Same,
    /// The sum over all ranks.
    Sum,
    /// An equal share.
    Share,
    /// All ranks' stretches of the sequence.
    Gather,
    /// This rank's stretch of the sum.
    Scatter,
}

/// A step on the way forward, and its opposite on the way back.
struct Exchange {
    engine: Arc<dyn Collectives>,
    forward: Step,
    backward: Step,
}

impl Exchange {
    fn take(&self, step: Step, x: &Tensor) -> Result<Tensor> {
        match step {
            Step::Same => Ok(x.f_detach()?),
            Step::Share => Ok(x.f_mul_scalar(1.0 / self.engine.size() as f64)?),
            Step::Gather => sequence::gather(self.engine.as_ref(), x),
            Step::Scatter => sequence::scatter(self.engine.as_ref(), x),
            Step::Sum => {
                // Not in place: the argument is someone else's.
                let sum = x.f_contiguous()?.f_alias_copy()?;
                self.engine.run(Group::TensorParallel, &Operation::AllReduceSum(&sum))?;
                Ok(sum)
            }
        }
    }
}

impl Bridge for Exchange {
    fn forward(&self, inputs: &[Tensor]) -> Result<Tensor> {
        self.take(self.forward, &inputs[0])
    }

    fn backward(&self, _: &[Tensor], gradient: &Tensor) -> Result<Vec<Option<Tensor>>> {
        Ok(vec![Some(self.take(self.backward, gradient)?)])
    }
}
