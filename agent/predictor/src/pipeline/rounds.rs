//! The events of 1F1B, a round at a time: once all stages alternate, a round of one forward and one backward pass of each stage
//! depends on the last round only, always in the same way, so a round that repeats another shifted in time repeats for ever.

use super::Pipeline;

/// Rounds by stages that are simulated before the asymptotic rate is taken for what comes after.
const MOST: usize = 24;
/// Two rounds are the same if they differ by less than this share of their length.
const SAME: f64 = 1e-9;

/// Where the stages are.
struct State<'a> {
    pipeline: &'a Pipeline<'a>,
    /// When each stage's last forward pass ended.
    forward: Vec<f64>,
    /// When each stage was free again after its last pass.
    free: Vec<f64>,
}

impl Pipeline<'_> {
    /// Seconds that a stage cannot work after a pass whose result it sends.
    fn hold(&self, sends: bool) -> f64 {
        if self.blocking && sends { self.transfer } else { 0.0 }
    }
}

pub(super) fn makespan(pipeline: &Pipeline<'_>) -> f64 {
    let &Pipeline { stages, micro_batches, .. } = pipeline;
    let mut state = State::filled(pipeline);
    // Rounds in which every stage still has a forward pass to make.
    let full = (micro_batches + 1).saturating_sub(stages);
    let mut round = 0;
    if full > 2 * stages {
        let (rate, length) = slowest(pipeline);
        let mut before = (state.forward.clone(), state.free.clone());
        while round + length <= full {
            for _ in 0..length {
                state.round(0);
            }
            round += length;
            let shift = rate * length as f64;
            if state.repeats(&before, shift) || round > MOST * stages {
                let times = (full - round) / length;
                state.later(times as f64 * shift);
                round += times * length;
                break;
            }
            before.0.copy_from_slice(&state.forward);
            before.1.copy_from_slice(&state.free);
        }
    }
    for round in round..micro_batches {
        state.round((round + stages).saturating_sub(micro_batches));
    }
    state.free[0]
}

impl State<'_> {
    /// After the warm-up.
    fn filled<'a>(pipeline: &'a Pipeline<'a>) -> State<'a> {
        let &Pipeline { stages, parts, transfer, micro_batches, .. } = pipeline;
        let mut forward = vec![0.0_f64; stages];
        let mut free = forward.clone();
        // The last stage does not warm up: whoever does sends.
        let hold = pipeline.hold(true);
        for number in 0..micro_batches.min(stages - 1) {
            let mut ready = 0.0;
            for stage in 0..stages - 1 - number {
                forward[stage] = free[stage].max(ready) + parts[stage].forward;
                free[stage] = forward[stage] + hold;
                ready = forward[stage] + transfer;
            }
        }
        State { pipeline, forward, free }
    }

    /// A forward pass, of the stages from `first` on, then a backward pass of every stage.
    fn round(&mut self, first: usize) {
        let pipeline = self.pipeline;
        let transfer = pipeline.transfer;
        let mut ready = 0.0;
        for stage in (0..pipeline.stages).rev() {
            let part = pipeline.parts[stage];
            let mut free = self.free[stage];
            if stage >= first {
                if stage > 0 {
                    free = free.max(self.forward[stage - 1] + transfer);
                }
                free += part.forward;
                self.forward[stage] = free;
                free += pipeline.hold(stage + 1 < pipeline.stages);
            }
            let end = free.max(ready) + part.backward;
            self.free[stage] = end + pipeline.hold(stage > 0);
            ready = end + transfer;
        }
    }

    fn repeats(&self, before: &(Vec<f64>, Vec<f64>), shift: f64) -> bool {
        let same = |now: &[f64], old: &[f64]| {
            now.iter().zip(old).all(|(now, old)| (now - old - shift).abs() <= SAME * shift)
        };
        same(&self.forward, &before.0) && same(&self.free, &before.1)
    }

    fn later(&mut self, seconds: f64) {
        for time in self.forward.iter_mut().chain(&mut self.free) {
            *time += seconds;
        }
    }
}

/// Seconds of a round in the long run, and after how many rounds it repeats: of the chains that lead back to their beginning, the
/// one that takes longest by its rounds. From a stage forward to a later one and backward to itself again a chain takes the work of
/// all between and the transfers, and where sending holds a stage those to the stages outside; it is back as many rounds later as it
/// has stages.
fn slowest(pipeline: &Pipeline<'_>) -> (f64, usize) {
    let mut slowest = (0.0, 1);
    for first in 0..pipeline.stages {
        let mut chain = pipeline.hold(first > 0);
        for (after, part) in pipeline.parts[first..].iter().enumerate() {
            chain += part.forward + part.backward;
            let leaves = pipeline.hold(first + after + 1 < pipeline.stages);
            let rate = (chain + leaves) / (after + 1) as f64;
            if rate > slowest.0 * (1.0 + SAME) {
                slowest = (rate, after + 1);
            }
            chain += 2.0 * pipeline.transfer;
        }
    }
    slowest
}
