//! What the formulas of a job's kind of model say.

use crate::constants::Constants;
use crate::setup::Setup;
use crate::{benchmark, conv, memory, time};

/// Parts of a whole, with their unit at the end of the name.
pub(crate) type Parts = Vec<(&'static str, f64)>;

/// Time and memory of a job before factors.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Formulas {
    /// Of a step, seconds.
    pub time: Parts,
    /// Of the GPU whose peak the framework prints (the fullest, mostly) at its fullest moment, bytes.
    pub memory: Parts,
    /// Weights, gradients and the optimizer's states at that moment, bytes.
    pub states: f64,
    /// What the fullest GPU needs, by that.
    pub fuller: f64,
}

impl Formulas {
    /// Of a transformer, or of a network for images.
    pub(crate) fn of(setup: &Setup, constants: &Constants) -> Self {
        if let Some(network) = &setup.shape.images {
            let peak = conv::peak(setup, network, constants);
            return Self {
                time: conv::step(setup, network, constants).parts().to_vec(),
                memory: peak.parts().to_vec(),
                states: peak.weights + peak.gradients + peak.optimizer,
                fuller: 1.0,
            };
        }
        if let Some(peak) = benchmark::peak(setup) {
            return Self {
                time: benchmark::step(setup, constants).parts().to_vec(),
                memory: peak.parts().to_vec(),
                states: peak.weights + peak.gradients + peak.optimizer,
                fuller: 1.0,
            };
        }
        let peak = memory::printed(setup, constants);
        Self {
            time: time::step(setup, constants).parts().to_vec(),
            memory: peak.parts().to_vec(),
            states: peak.weights + peak.gradients + peak.optimizer,
            fuller: memory::fullest(setup, constants).total() / peak.total(),
        }
    }
}

/// The whole.
pub(crate) fn total(parts: &[(&'static str, f64)]) -> f64 {
    parts.iter().map(|(_, part)| part).sum()
}
