//! ZeRO-3: weights of a unit are gathered shortly before it needs them and given up after it.

use std::sync::Arc;

use crate::engine::{Collectives, Group, Pending};
use crate::failure::Result;
use crate::parameters::{Parameters, Zero};
use crate::shim::{self, MemoryKind, Operation};

/// Which units of a rank have their weights, and what is on its way.
pub(crate) struct Gather {
    engine: Option<Arc<dyn Collectives>>,
    states: Vec<State>,
}

enum State {
    /// Only this rank's shard is there.
    Away,
    /// Asked for.
    Coming(Option<Box<dyn Pending>>),
    Here,
}

impl Gather {
    /// None where weights are never divided.
    pub(crate) fn new(
        parameters: &Parameters,
        engine: Option<&Arc<dyn Collectives>>,
    ) -> Option<Self> {
        let states = parameters.units.iter().map(|_| State::Away).collect();
        (parameters.plan.zero == Zero::Parameters).then(|| Self { engine: engine.cloned(), states })
    }

    /// Starts to gather a unit, if it is not there.
    pub(crate) fn prefetch(&mut self, parameters: &Parameters, unit: usize) -> Result<()> {
        let Some(state @ State::Away) = self.states.get_mut(unit) else { return Ok(()) };
        let weights = &parameters.units[unit];
        {
            let _scope = MemoryKind::Parameters.scope();
            shim::restore_storage(&weights.full)?;
        }
        let _no_graph = tch::no_grad_guard();
        let own = weights.shard.f_to_kind(weights.full.kind())?;
        let pending = match &self.engine {
            None => {
                weights.full.shallow_clone().f_copy_(&own)?;
                None
            }
            Some(engine) => {
                let operation = Operation::AllGather { out: &weights.full, input: &own };
                Some(engine.start(Group::DataParallel, &operation)?)
            }
        };
        *state = State::Coming(pending);
        Ok(())
    }

    /// Waits until a unit is there.
    pub(crate) fn acquire(&mut self, parameters: &Parameters, unit: usize) -> Result<()> {
        self.prefetch(parameters, unit)?;
        if let State::Coming(pending) = std::mem::replace(&mut self.states[unit], State::Here)
            && let Some(pending) = pending
        {
            pending.wait()?;
        }
        Ok(())
    }

    /// Gives a unit up.
    pub(crate) fn release(&mut self, parameters: &Parameters, unit: usize) -> Result<()> {
        if let State::Here = self.states[unit] {
            self.states[unit] = State::Away;
            shim::release_storage(&parameters.units[unit].full)?;
        }
        Ok(())
    }
}
