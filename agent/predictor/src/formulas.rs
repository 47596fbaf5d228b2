//! What the formulas of a job's kind of model say. Here alone is chosen between kinds.

use crate::constants::Constants;
use crate::conv::ResNet;
use crate::effects::Figure;
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

/// Kinds of models that have formulas of their own.
#[derive(Clone, Copy)]
enum Kind<'a> {
    Images(&'a ResNet),
    /// A language model of perfagent-bench.
    Benchmark,
    Transformer,
}

impl<'a> Kind<'a> {
    fn of(setup: &'a Setup) -> Self {
        match &setup.shape.images {
            Some(network) => Self::Images(network),
            None if benchmark::knows(setup) => Self::Benchmark,
            None => Self::Transformer,
        }
    }
}

impl Formulas {
    pub(crate) fn of(setup: &Setup, constants: &Constants) -> Self {
        match Kind::of(setup) {
            Kind::Images(network) => {
                let peak = conv::peak(setup, network, constants);
                Self {
                    time: conv::step(setup, network, constants).parts().to_vec(),
                    memory: peak.parts().to_vec(),
                    states: peak.states(),
                    fuller: 1.0,
                }
            }
            Kind::Benchmark => {
                let peak = benchmark::peak(setup);
                Self {
                    time: benchmark::step(setup, constants).parts().to_vec(),
                    memory: peak.parts().to_vec(),
                    states: peak.states(),
                    fuller: 1.0,
                }
            }
            Kind::Transformer => {
                let peak = memory::printed(setup, constants);
                Self {
                    time: time::step(setup, constants).parts().to_vec(),
                    memory: peak.parts().to_vec(),
                    states: peak.states(),
                    fuller: memory::fullest(setup, constants).total() / peak.total(),
                }
            }
        }
    }
}

/// One figure without its parts: a fit asks for it many thousand times, and telling what overlaps takes twice as long.
pub(crate) fn figure(setup: &Setup, constants: &Constants, figure: Figure) -> f64 {
    match (Kind::of(setup), figure) {
        (Kind::Images(network), Figure::Time) => conv::step(setup, network, constants).total(),
        (Kind::Images(network), Figure::Memory) => conv::peak(setup, network, constants).total(),
        (Kind::Benchmark, Figure::Time) => benchmark::step(setup, constants).total(),
        (Kind::Benchmark, Figure::Memory) => benchmark::peak(setup).total(),
        (Kind::Transformer, Figure::Time) => time::total(setup, constants),
        (Kind::Transformer, Figure::Memory) => memory::printed(setup, constants).total(),
    }
}

/// The whole.
pub(crate) fn total(parts: &[(&'static str, f64)]) -> f64 {
    parts.iter().map(|(_, part)| part).sum()
}
