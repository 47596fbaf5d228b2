//! What a run does in a step.

use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

use perfagent_recording::{Recording, StringId};

use crate::host_work::operator_items;
use crate::launched::Launches;
use crate::nesting::{Nesting, Owners};
use crate::operation::{Operations, Work};
use crate::period;
use crate::rank::RankAnalysis;

/// Kernels and operators of one rank, or of several, by step.
#[derive(Clone, Debug, Default)]
pub struct StepProfile {
    /// All steps; what has none counts for none here.
    pub(super) steps: usize,
    /// What means are taken over: the steps, and one for each rank without any.
    over: usize,
    /// Count and time over all steps.
    pub(super) kernels: BTreeMap<String, (i64, i64)>,
    pub(super) operators: BTreeMap<String, OperatorSum>,
    /// The kernels of the step of median length, in order.
    pub(super) order: Vec<String>,
}

/// One operator name over all steps: times in ns.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OperatorSum {
    pub(super) count: i64,
    pub(super) host: i64,
    pub(super) gpu: i64,
}

impl OperatorSum {
    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.host = self.host.saturating_add(other.host);
        self.gpu = self.gpu.saturating_add(other.gpu);
    }
}

/// Stretches of time that do not overlap, in order; all of time when there are none.
struct Steps(Vec<(i64, i64)>);

impl Steps {
    /// Whether `time` is in one of them and, where there are any, in which.
    fn at(&self, time: i64) -> (bool, Option<usize>) {
        let step = self.0.partition_point(|step| step.0 <= time).checked_sub(1);
        let step = step.filter(|&step| time < self.0[step].1);
        (step.is_some() || self.0.is_empty(), step)
    }

    /// The step of median length; `None` when there are none.
    fn median(&self) -> Option<usize> {
        let mut by_length: Vec<usize> = (0..self.0.len()).collect();
        by_length.sort_by_key(|&step| self.0[step].1.saturating_sub(self.0[step].0));
        by_length.get(self.0.len().checked_sub(1)? / 2).copied()
    }
}

impl StepProfile {
    /// What a rank of a recording does.
    #[must_use]
    pub fn of(recording: &Recording, rank: &RankAnalysis) -> Self {
        let launches = Launches::of(recording, rank.rows());
        let marked: Vec<(i64, i64)> = rank
            .steps()
            .iter()
            .map(|step| (step.start_ns, step.start_ns.saturating_add(step.duration_ns)))
            .collect();
        let by_launch = !marked.is_empty();
        let steps = Steps(if by_launch { marked } else { found(recording, rank.operations()) });
        let count = steps.0.len();
        let mut profile = Self { steps: count, over: count.max(1), ..Self::default() };
        let nesting = Nesting::of(operator_items(recording, rank.rows()));
        let mut operators = FxHashMap::default();
        profile.on_gpu(recording, &launches, (&steps, by_launch), (&nesting, &mut operators));
        on_host(&steps, &nesting, &mut operators);
        for (name, sum) in operators {
            let name = recording.strings.get(name).to_owned();
            profile.operators.entry(name).or_default().add(sum);
        }
        profile
    }

    fn on_gpu(
        &mut self,
        recording: &Recording,
        launches: &Launches,
        (steps, by_launch): (&Steps, bool),
        (nesting, operators): (&Nesting, &mut FxHashMap<StringId, OperatorSum>),
    ) {
        let owners = Owners::of(nesting);
        let mut kernels: FxHashMap<StringId, (i64, i64)> = FxHashMap::default();
        let median = steps.median();
        let mut of_median = Vec::new();
        for operation in &launches.operations {
            let call = launches.call_of(operation);
            let began = call.filter(|_| by_launch).map_or(operation.start, |call| call.start);
            let (counts, step) = steps.at(began);
            if !counts {
                continue;
            }
            let time = operation.end - operation.start;
            if let Work::Kernel(name) = operation.work {
                let (count, total) = kernels.entry(name).or_default();
                (*count, *total) = (*count + 1, total.saturating_add(time));
                if step == median {
                    of_median.push((operation.start, operation.end, recording.strings.get(name)));
                }
            }
            if let Some(owner) = call.and_then(|call| owners.at(call.thread, call.start)) {
                let sum = operators.entry(nesting.items[owner as usize].name).or_default();
                sum.gpu = sum.gpu.saturating_add(time);
            }
        }
        // Two ids may have one text.
        for (name, (count, time)) in kernels {
            let sum = self.kernels.entry(recording.strings.get(name).to_owned()).or_default();
            *sum = (sum.0 + count, sum.1.saturating_add(time));
        }
        of_median.sort_unstable();
        self.order = of_median.into_iter().map(|(.., name)| name.to_owned()).collect();
    }

    /// Adds what another rank or another run of the same program does; the order stays that of the first.
    pub fn add(&mut self, other: Self) {
        self.steps += other.steps;
        self.over += other.over;
        for (name, (count, time)) in other.kernels {
            let sum = self.kernels.entry(name).or_default();
            *sum = (sum.0 + count, sum.1.saturating_add(time));
        }
        for (name, sum) in other.operators {
            self.operators.entry(name).or_default().add(sum);
        }
        if self.order.is_empty() {
            self.order = other.order;
        }
    }

    pub(super) fn mean(&self, sum: i64) -> f64 {
        sum as f64 / self.over.max(1) as f64
    }
}

fn on_host(steps: &Steps, nesting: &Nesting, operators: &mut FxHashMap<StringId, OperatorSum>) {
    let counts: Vec<bool> = nesting.items.iter().map(|item| steps.at(item.start).0).collect();
    for (item, _) in nesting.items.iter().zip(&counts).filter(|(_, counts)| **counts) {
        operators.entry(item.name).or_default().count += 1;
    }
    for slice in nesting.slices.iter().filter(|slice| counts[slice.item as usize]) {
        let sum = operators.entry(nesting.items[slice.item as usize].name).or_default();
        sum.host = sum.host.saturating_add(slice.end - slice.start);
    }
}

fn found(recording: &Recording, operations: &Operations) -> Vec<(i64, i64)> {
    let found = period::detected(recording, operations).map(|found| found.steps);
    let steps = found.unwrap_or_default().into_iter();
    steps.map(|step| (step.start_ns, step.start_ns.saturating_add(step.duration_ns))).collect()
}
