//! Gradients across replicas: summed or scattered while backward is still at work on earlier units.

use std::collections::VecDeque;
use std::sync::Arc;

use tch::{Kind, Tensor};

use crate::engine::{Collectives, Group, Pending};
use crate::failure::Result;
use crate::parameters::{Parameters, Zero};
use crate::shim::{MemoryKind, Operation};

/// Reduce-scatters of whole units that may be under way at a time: what they read stays in memory.
const AT_ONCE: usize = 2;

/// How gradients become the same on all replicas. Every rank has scaled its loss by 1/replicas, so a sum is the mean.
pub(crate) struct GradientSync {
    engine: Option<Arc<dyn Collectives>>,
    zero: Zero,
    /// Bytes of a bucket, at least.
    bucket_bytes: i64,
    /// Elements of gradients that are final but not yet under way, which lie before those that are.
    waiting: i64,
    /// Where those begin.
    begin: i64,
    under_way: VecDeque<UnderWay>,
}

struct UnderWay {
    pending: Box<dyn Pending>,
    /// The unit whose shard of gradients `sum` is to be added to.
    target: Option<(usize, Tensor)>,
}

impl GradientSync {
    /// An exchange with the other replicas, if there are any.
    pub(crate) fn new(
        parameters: &Parameters,
        engine: Option<&Arc<dyn Collectives>>,
        bucket_bytes: i64,
    ) -> Self {
        let zero = parameters.plan.zero;
        let begin = parameters.gradients.as_ref().map_or(0, |all| all.numel() as i64);
        let under_way = VecDeque::new();
        Self { engine: engine.cloned(), zero, bucket_bytes, waiting: 0, begin, under_way }
    }

    /// The gradients of a unit are final for this micro-batch, the last of the step or not. Units come in the reverse
    /// order of the model's.
    pub(crate) fn ready(
        &mut self,
        parameters: &mut Parameters,
        unit: usize,
        is_last: bool,
    ) -> Result<()> {
        match self.zero {
            Zero::Off if is_last => self.add_to_bucket(parameters, unit),
            Zero::Optimizer if is_last => {
                let Some(gradient) = &parameters.units[unit].gradient else { return Ok(()) };
                let gradient = gradient.shallow_clone();
                self.scatter(parameters, unit, &gradient)
            }
            Zero::Off | Zero::Optimizer => Ok(()),
            Zero::Gradients | Zero::Parameters => {
                let Some(gradient) = parameters.units[unit].take_gradient()? else {
                    return Ok(());
                };
                let gradient = {
                    let _scope = MemoryKind::Gradients.scope();
                    gradient.f_to_kind(Kind::Float)?
                };
                self.scatter(parameters, unit, &gradient)
            }
        }
    }

    fn add_to_bucket(&mut self, parameters: &Parameters, unit: usize) -> Result<()> {
        let (Some(engine), Some(all)) = (&self.engine, &parameters.gradients) else {
            return Ok(());
        };
        self.waiting += parameters.units[unit].full.numel() as i64;
        if self.waiting * 4 < self.bucket_bytes && unit > 0 {
            return Ok(());
        }
        self.begin -= self.waiting;
        let bucket = all.f_narrow(0, self.begin, self.waiting)?;
        let pending = engine.start(Group::DataParallel, &Operation::AllReduceSum(&bucket))?;
        self.under_way.push_back(UnderWay { pending, target: None });
        self.waiting = 0;
        Ok(())
    }

    fn scatter(&mut self, parameters: &mut Parameters, unit: usize, whole: &Tensor) -> Result<()> {
        let Some(engine) = self.engine.clone() else {
            if self.zero == Zero::Optimizer {
                return Ok(());
            }
            return add(&parameters.units[unit].shard_gradient, whole);
        };
        while self.under_way.len() >= AT_ONCE && self.zero >= Zero::Gradients {
            self.settle_first(parameters)?;
        }
        let shard = &parameters.units[unit].shard_gradient;
        let out = {
            let _scope = MemoryKind::Communication.scope();
            shard.f_empty_like()?
        };
        let operation = Operation::ReduceScatterSum { out: &out, input: whole };
        let pending = engine.start(Group::DataParallel, &operation)?;
        // libtorch keeps `whole` until the operation is complete.
        self.under_way.push_back(UnderWay { pending, target: Some((unit, out)) });
        Ok(())
    }

    fn settle_first(&mut self, parameters: &Parameters) -> Result<()> {
        let Some(UnderWay { pending, target }) = self.under_way.pop_front() else { return Ok(()) };
        pending.wait()?;
        match target {
            Some((unit, sum)) if self.zero == Zero::Optimizer => {
                // In the place of this rank's own gradients, which are in the sum.
                parameters.units[unit].shard_gradient.shallow_clone().f_copy_(&sum)?;
                Ok(())
            }
            Some((unit, sum)) => add(&parameters.units[unit].shard_gradient, &sum),
            None => Ok(()),
        }
    }

    /// Waits until this rank's shards of the gradients are summed over all replicas.
    pub(crate) fn finish(&mut self, parameters: &Parameters) -> Result<()> {
        while !self.under_way.is_empty() {
            self.settle_first(parameters)?;
        }
        self.begin = parameters.gradients.as_ref().map_or(0, |all| all.numel() as i64);
        self.waiting = 0;
        Ok(())
    }

    /// Gives every replica the weights that others have updated.
    pub(crate) fn spread(&self, parameters: &Parameters) -> Result<()> {
        let Some(engine) = &self.engine else { return Ok(()) };
        if !matches!(self.zero, Zero::Optimizer | Zero::Gradients) {
            return Ok(());
        }
        let mut under_way = Vec::with_capacity(parameters.units.len());
        for unit in &parameters.units {
            // A copy: the operation must not read what it writes.
            let own = {
                let _scope = MemoryKind::Communication.scope();
                unit.shard.f_alias_copy()?
            };
            let operation = Operation::AllGather { out: &unit.full, input: &own };
            under_way.push(engine.start(Group::DataParallel, &operation)?);
        }
        under_way.iter().try_for_each(|pending| pending.wait())
    }
}

fn add(shard: &Tensor, gradient: &Tensor) -> Result<()> {
    let mut shard = shard.shallow_clone();
    let _ = shard.f_add_(gradient)?;
    Ok(())
}
