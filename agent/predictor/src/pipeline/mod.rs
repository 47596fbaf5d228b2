//! A step of a pipeline, event by event: when each stage works on which micro-batch, and what it holds meanwhile.
//!
//! Forward and backward of a micro-batch on a part of the model are events. One begins once its stage has ended the event
//! that its schedule puts before it, and once what it needs has come from the neighbour. The schedules are 1F1B and its
//! interleaved form (Narayanan et al. 2021, arXiv 2104.04473, with the order and the warm-up of Megatron-LM's
//! `core/pipeline_parallel/schedules.py`) and all forward before all backward (`GPipe`, Huang et al. 2019, arXiv 1811.06965).

mod events;
mod order;
mod rounds;

pub use events::Events;
use order::Order;
pub use order::Schedule;

/// Time of a part of the model for one micro-batch, seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Work {
    /// Of the forward pass.
    pub forward: f64,
    /// Of the backward pass, what is calculated again in it as well.
    pub backward: f64,
}

/// A step of a pipeline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pipeline<'a> {
    /// In which order a stage works.
    pub schedule: Schedule,
    /// Stages; at least one.
    pub stages: usize,
    /// Parts of the model, in its order: part `g` is on stage `g % stages`. As many of each stage; more than one are its virtual
    /// stages.
    pub parts: &'a [Work],
    /// From the end of an event until a neighbour can begin with its result, seconds.
    pub transfer: f64,
    /// Whether the stage that sends can do nothing else meanwhile.
    pub blocking: bool,
    /// Micro-batches of the step; at least one.
    pub micro_batches: usize,
}

/// More parts or micro-batches than any job has: beyond them the step is bounded, not simulated.
const MOST_PARTS: usize = 1 << 10;
const MOST_MICRO_BATCHES: f64 = 1e9;

impl Pipeline<'_> {
    /// Every event of the step. Takes time and memory by parts × micro-batches.
    #[must_use]
    pub fn events(&self) -> Events {
        events::all(self)
    }

    /// Seconds until the last event has ended, from the filling and the draining and few of the rounds between, which repeat. Of 1F1B
    /// and of all forward before all backward as of [`Self::events`], but for pipelines that do not repeat for long: then at most 1 %
    /// more. Interleaved it is exact where stages differ at the ends alone,
    /// else within 3 %; micro-batches that are no multiple of the stages count as a part of a group where they are many.
    #[must_use]
    pub fn makespan(&self) -> f64 {
        if self.parts.len() > self.stages || self.schedule == Schedule::AllForward {
            events::makespan(self)
        } else {
            rounds::makespan(self)
        }
    }

    /// Seconds that a stage works.
    #[must_use]
    pub fn busy(&self, stage: usize) -> f64 {
        let parts = self.parts.iter().skip(stage).step_by(self.stages);
        let work: f64 = parts.map(|part| part.forward + part.backward).sum();
        self.micro_batches as f64 * work
    }

    fn order(&self, stage: usize) -> Order {
        let parts = self.parts.len() / self.stages;
        Order::of(self.schedule, stage, self.stages, parts, self.micro_batches)
    }
}

/// A number of micro-batches as it was stated, made one that a pipeline takes.
pub(crate) fn micro_batches(passes: f64) -> usize {
    passes.clamp(1.0, MOST_MICRO_BATCHES) as usize
}

/// Whether a pipeline of so many parts can be simulated.
pub(crate) fn can_simulate(parts: f64) -> bool {
    parts <= MOST_PARTS as f64
}

/// Micro-batches whose activations `stage` (from 0) of `stages` holds at most, of a step of `passes`, under 1F1B. With virtual
/// stages, which hold a part each, it is the sum of those parts: of the first stage `1 + (p − 1) / (p · v)` of the pipeline's stages
/// (Korthikanti et al. 2022, arXiv 2205.05198, section 4.2), of each later one two parts less.
#[must_use]
pub fn in_flight(stage: f64, stages: f64, passes: f64, virtual_stages: f64) -> f64 {
    let [stage, stages, parts] = [stage, stages, virtual_stages].map(|count| count as usize);
    let stages = stages.max(1);
    let (stage, parts) = (stage.min(stages - 1), parts.clamp(1, MOST_PARTS));
    let schedule = Schedule::OneForwardOneBackward;
    let order = Order::of(schedule, stage, stages, parts, micro_batches(passes));
    order.held() as f64 / parts as f64
}
