//! Every event of a step, for any schedule.

use super::order::{Action, Schedule};
use super::{Pipeline, Work};

/// When every event of a step ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Events {
    /// Seconds until the last one ended.
    pub makespan: f64,
    /// Seconds in which each stage did not work.
    pub bubbles: Vec<f64>,
    /// Micro-batches whose activations each stage holds at most; of a stage with several parts, the parts' share of it.
    pub in_flight: Vec<f64>,
    ends: Vec<f64>,
    micro_batches: usize,
}

impl Events {
    /// When a part of the model had passed a micro-batch forward and backward, seconds.
    #[must_use]
    pub fn ends(&self, part: usize, micro_batch: usize) -> (f64, f64) {
        let at = 2 * (part * self.micro_batches + micro_batch);
        (self.ends[at], self.ends[at + 1])
    }
}

/// Works through the stages in turn, each as far as what it needs is there.
pub(super) fn all(pipeline: &Pipeline<'_>) -> Events {
    let &Pipeline { stages, parts, micro_batches, transfer, blocking, .. } = pipeline;
    let sending = if blocking { transfer } else { 0.0 };
    let orders: Vec<_> = (0..stages).map(|stage| pipeline.order(stage)).collect();
    // Forward and backward of every part and micro-batch; infinite until they ended.
    let mut ends = vec![f64::INFINITY; 2 * parts.len() * micro_batches];
    let at = |part: usize, micro_batch: usize| 2 * (part * micro_batches + micro_batch);
    let mut free = vec![0.0_f64; stages];
    let mut done = vec![0; stages];
    let mut held = vec![0_usize; stages];
    let mut most_held = vec![0_usize; stages];
    let mut makespan = 0.0_f64;
    let mut moved = true;
    while moved {
        moved = false;
        for (stage, order) in orders.iter().enumerate() {
            while done[stage] < 2 * order.passes {
                let action = order.action(done[stage]);
                let (own, micro_batch) = order.unit(action);
                let part = own * stages + stage;
                let Work { forward, backward } = parts[part];
                let here = at(part, micro_batch);
                let (is_first, is_last) = (part == 0, part + 1 == parts.len());
                let (ready, work, slot, sends) = match action {
                    Action::Forward(_) => {
                        let before = || ends[at(part - 1, micro_batch)] + transfer;
                        (if is_first { 0.0 } else { before() }, forward, here, !is_last)
                    }
                    Action::Backward(_) => {
                        let after = || ends[at(part + 1, micro_batch) + 1] + transfer;
                        let ready = if is_last { ends[here] } else { after() };
                        (ready, backward, here + 1, !is_first)
                    }
                };
                if ready.is_infinite() {
                    break;
                }
                let end = free[stage].max(ready) + work;
                ends[slot] = end;
                makespan = makespan.max(end);
                free[stage] = end + if sends { sending } else { 0.0 };
                match action {
                    Action::Forward(_) => held[stage] += 1,
                    Action::Backward(_) => held[stage] -= 1,
                }
                most_held[stage] = most_held[stage].max(held[stage]);
                done[stage] += 1;
                moved = true;
            }
        }
    }
    let own = (parts.len() / stages) as f64;
    Events {
        makespan,
        bubbles: (0..stages).map(|stage| makespan - pipeline.busy(stage)).collect(),
        in_flight: most_held.iter().map(|held| *held as f64 / own).collect(),
        ends,
        micro_batches,
    }
}

/// Groups of micro-batches that are simulated before those that come after are taken to be as long as the last ones.
const GROUPS: usize = 7;
/// How many of them are the last ones: some pipelines repeat every second group or every third only.
const LAST: usize = 4;

/// The makespan, from a step that is shorter by whole groups where there are many.
pub(super) fn makespan(pipeline: &Pipeline<'_>) -> f64 {
    let &Pipeline { stages, micro_batches, schedule, .. } = pipeline;
    let group = match schedule {
        Schedule::AllForward => 1,
        Schedule::OneForwardOneBackward => stages,
    };
    if micro_batches <= GROUPS * group {
        return all(pipeline).makespan;
    }
    let of = |groups: usize| all(&Pipeline { micro_batches: groups * group, ..*pipeline }).makespan;
    let (few, fewer) = (of(GROUPS), of(GROUPS - LAST));
    let more = (micro_batches - GROUPS * group) as f64 / group as f64;
    few + more * (few - fewer) / LAST as f64
}
