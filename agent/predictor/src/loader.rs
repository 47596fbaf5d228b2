//! How fast data comes to a rank, as a recording shows it.

use crate::prediction::Interval;
use crate::setup::Setup;

/// Below this share of a step a wait for data is the handing over of it, not a loader that is too slow.
const STALLED: f64 = 0.02;
/// A measured rate may be off by as much as repeats of one step are, natural logarithm.
const REPEATED: f64 = 0.05;

/// The loader of a rank.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Loader {
    /// Seconds a sequence.
    sequence_s: f64,
    /// Whether it loads beside the step, and is what the step waits for. Else what it takes comes to every step.
    stalled: bool,
}

impl Loader {
    /// The loader of a run of `setup` whose steps take `step_s` seconds, `wait_s` of them waiting for data.
    ///
    /// A step that waits for a loader begins as soon as its sequences are there: the loader delivers a step's sequences in a
    /// step's time. One that hardly waits tells only that the loader is no slower, and what handing over takes.
    pub(crate) fn of(setup: &Setup, step_s: f64, wait_s: f64) -> Self {
        let wait_s = wait_s.clamp(0.0, step_s);
        let stalled = wait_s >= STALLED * step_s;
        let taken = if stalled { step_s } else { wait_s };
        Self { sequence_s: taken / sequences(setup), stalled }
    }

    /// A step of `setup` that takes `work` without waiting for data.
    pub(crate) fn slowed(&self, setup: &Setup, work: Interval) -> Interval {
        let load = self.sequence_s * sequences(setup);
        if self.stalled {
            return Interval {
                p05: work.p05.max(load * (-REPEATED).exp()),
                p50: work.p50.max(load),
                p95: work.p95.max(load * REPEATED.exp()),
            };
        }
        Interval { p05: work.p05 + load, p50: work.p50 + load, p95: work.p95 + load }
    }
}

/// Sequences that a data-parallel rank needs for a step.
fn sequences(setup: &Setup) -> f64 {
    setup.micro_batch * setup.passes
}
