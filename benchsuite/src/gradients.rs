//! Gradients across ranks: buckets summed while backward still runs, or ZeRO-1's shards.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tch::Tensor;

use crate::engine::{Collectives, Group, Pending};
use crate::failure::{Failure, Result};
use crate::parameters::Parameters;
use crate::shim::{self, Operation};

/// How gradients become the same on all ranks. Every rank has scaled its loss by 1/ranks, so a sum
/// is the mean.
pub(crate) enum GradientSync {
    /// One rank: nothing to do.
    Alone,
    /// Plain data parallel.
    Buckets(&'static Buckets),
    /// ZeRO stage 1.
    Shards(Shards),
}

impl GradientSync {
    /// Sets up the exchange for these parameters.
    pub(crate) fn new(
        parameters: &Parameters,
        engine: Option<&Arc<dyn Collectives>>,
        rank: usize,
        zero: u8,
        bucket_bytes: i64,
    ) -> Result<Self> {
        let Some(engine) = engine else { return Ok(Self::Alone) };
        if zero == 1 {
            return Shards::new(parameters, Arc::clone(engine), rank).map(Self::Shards);
        }
        // Autograd keeps the hooks as long as the parameters, which is as long as the process.
        let buckets: &'static Buckets =
            Box::leak(Box::new(Buckets::new(parameters, Arc::clone(engine), bucket_bytes)?));
        let hook: &'static _ = Box::leak(Box::new(move |index| buckets.ready(index)));
        for (index, leaf) in parameters.leaves().iter().enumerate() {
            shim::on_gradient(leaf, hook, index)?;
        }
        Ok(Self::Buckets(buckets))
    }

    /// The elements of the flat weights that this rank updates.
    pub(crate) fn owned(&self, parameters: &Parameters) -> Range<i64> {
        match self {
            Self::Alone | Self::Buckets(_) => 0..parameters.count,
            Self::Shards(shards) => shards.range.clone(),
        }
    }

    /// The gradients of the owned elements, after `finish`.
    pub(crate) fn owned_gradient(&self, parameters: &Parameters) -> Result<Tensor> {
        match self {
            Self::Alone | Self::Buckets(_) => {
                Ok(parameters.gradients.f_narrow(0, 0, parameters.count)?)
            }
            Self::Shards(shards) => Ok(shards.gradient.f_detach()?),
        }
    }

    /// Announces that the next backward is the last of the step: its gradients are final.
    pub(crate) fn arm(&self) {
        if let Self::Buckets(buckets) = self {
            buckets.lock().armed = true;
        }
    }

    /// Waits until the owned gradients are summed over all ranks.
    pub(crate) fn finish(&self, parameters: &Parameters) -> Result<()> {
        match self {
            Self::Alone => Ok(()),
            Self::Buckets(buckets) => buckets.finish(),
            Self::Shards(shards) => shards.engine.run(
                Group::DataParallel,
                &Operation::ReduceScatterSum {
                    out: &shards.gradient,
                    input: &parameters.gradients,
                },
            ),
        }
    }

    /// Completes the square of the gradient norm: with shards each rank holds only a part of the sum.
    pub(crate) fn total(&self, partial: &Tensor) -> Result<()> {
        match self {
            Self::Shards(shards) => {
                shards.engine.run(Group::Norm, &Operation::AllReduceSum(partial))
            }
            Self::Alone | Self::Buckets(_) => Ok(()),
        }
    }

    /// Gives every rank the weights that others have updated.
    pub(crate) fn spread(&self, parameters: &Parameters) -> Result<()> {
        let Self::Shards(shards) = self else { return Ok(()) };
        let Range { start, end } = shards.range;
        // A copy: the operation must not read what it writes.
        let mut mine = shards.gradient.f_empty_like()?;
        mine.f_copy_(&parameters.flat.f_narrow(0, start, end - start)?)?;
        shards
            .engine
            .run(Group::DataParallel, &Operation::AllGather { out: &parameters.flat, input: &mine })
    }
}

/// This rank's part of the flat weights under ZeRO-1.
pub(crate) struct Shards {
    engine: Arc<dyn Collectives>,
    range: Range<i64>,
    gradient: Tensor,
}

impl Shards {
    fn new(parameters: &Parameters, engine: Arc<dyn Collectives>, rank: usize) -> Result<Self> {
        let len = parameters.flat.size1()? / engine.size() as i64;
        let start = rank as i64 * len;
        let gradient = parameters.gradients.f_narrow(0, start, len)?.f_zeros_like()?;
        Ok(Self { engine, range: start..start + len, gradient })
    }
}

/// Flat ranges of the gradients, each summed over the ranks as soon as backward has filled it.
pub(crate) struct Buckets {
    engine: Arc<dyn Collectives>,
    state: Mutex<State>,
}

struct State {
    buckets: Vec<Bucket>,
    /// The bucket of each parameter.
    bucket_of: Vec<usize>,
    /// Whether gradients are final when they become ready.
    armed: bool,
    /// The first bucket not yet started. Started in this order whatever order gradients come in:
    /// all ranks must issue the same sequence.
    next: usize,
    under_way: Vec<Box<dyn Pending>>,
    failure: Option<Failure>,
}

struct Bucket {
    gradients: Tensor,
    members: usize,
    missing: usize,
}

impl Buckets {
    fn new(
        parameters: &Parameters,
        engine: Arc<dyn Collectives>,
        bucket_bytes: i64,
    ) -> Result<Self> {
        let sizes: Vec<i64> = parameters.slots.iter().map(|slot| slot.len).collect();
        let mut buckets = Vec::new();
        let mut bucket_of = vec![0; sizes.len()];
        for members in split(&sizes, bucket_bytes / 4) {
            let offset = parameters.slots[members.start].offset;
            let len = sizes[members.clone()].iter().sum();
            bucket_of[members.clone()].fill(buckets.len());
            let gradients = parameters.gradients.f_narrow(0, offset, len)?;
            buckets.push(Bucket { gradients, members: members.len(), missing: members.len() });
        }
        let state = State {
            buckets,
            bucket_of,
            armed: false,
            next: 0,
            under_way: Vec::new(),
            failure: None,
        };
        Ok(Self { engine, state: Mutex::new(state) })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The gradient of a parameter is final; called by autograd within backward.
    fn ready(&self, parameter: usize) {
        let mut state = self.lock();
        if !state.armed {
            return;
        }
        let bucket = state.bucket_of[parameter];
        state.buckets[bucket].missing = state.buckets[bucket].missing.saturating_sub(1);
        while let Some(bucket) = state.buckets.get(state.next) {
            if bucket.missing > 0 || state.failure.is_some() {
                break;
            }
            let operation = Operation::AllReduceSum(&bucket.gradients);
            match self.engine.start(Group::DataParallel, &operation) {
                Ok(pending) => state.under_way.push(pending),
                Err(failure) => state.failure = Some(failure),
            }
            state.next += 1;
        }
    }

    fn finish(&self) -> Result<()> {
        let mut state = self.lock();
        if let Some(failure) = state.failure.take() {
            return Err(failure);
        }
        if state.next != state.buckets.len() {
            return Err(Failure::run(format!(
                "backward left {} of {} gradient buckets unfilled",
                state.buckets.len() - state.next,
                state.buckets.len()
            )));
        }
        for pending in std::mem::take(&mut state.under_way) {
            pending.wait()?;
        }
        for bucket in &mut state.buckets {
            bucket.missing = bucket.members;
        }
        state.next = 0;
        state.armed = false;
        Ok(())
    }
}

/// Groups tensors into ranges of at least `least` elements, from the last tensor to the first:
/// backward fills them in that order.
fn split(sizes: &[i64], least: i64) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut end = sizes.len();
    let mut held = 0;
    for start in (0..sizes.len()).rev() {
        held += sizes[start];
        if held >= least || start == 0 {
            ranges.push(start..end);
            (end, held) = (start, 0);
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_cover_every_tensor_once_from_the_last_to_the_first() {
        assert_eq!(split(&[5, 1, 1, 4, 2, 2], 4), [4..6, 3..4, 0..3]);
        assert_eq!(split(&[1, 1, 1], 100), vec![0..3; 1]);
        assert_eq!(split(&[9, 9], 1), [1..2, 0..1]);
    }
}
