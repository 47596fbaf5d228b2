//! What the steps of a run went to, part by part, and which parts made the difference between two runs.
//!
//! A step is divided into parts that do not overlap and fill it: an instant counts once. With a GPU it goes to the first of
//! these that holds: a kernel other than communication (of several that run at once, the one that began first), communication,
//! a copy, loading of data, and else to the cause of the gap in which nothing ran (see [`GapCause`](crate::report::GapCause)).
//! Without one it goes to what is innermost on the thread of the step, an operator or a collective, else to a collective that
//! is in flight, else to the innermost range.
//!
//! A step of a job is as long as that of its slowest rank, and is divided as that rank's is. So the changes of all parts add up
//! to the change of the mean step, to the nanosecond.

mod change;
mod gpu;
mod host;
mod piece;

use std::collections::BTreeMap;

use perfagent_recording::Recording;
use serde::Serialize;

use crate::report::Basis;
use crate::{RankAnalysis, period};

pub use change::{Attribution, AttributionRow};
use piece::{Parts, Piece, within};

/// What a part of a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PartKind {
    /// A kernel other than communication.
    Kernel,
    /// An operator's own time on the thread of the step, without a GPU.
    Operator,
    /// Communication that no computation hid.
    Communication,
    /// A copy or memset that nothing hid.
    Copy,
    /// Loading of data while nothing else ran on the GPU.
    Data,
    /// The GPU had nothing to do.
    Idle,
    /// Without a GPU: a range, while no operator ran and nothing was communicated.
    Range,
    /// The rest.
    Other,
}

impl PartKind {
    /// The word in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Operator => "operator",
            Self::Communication => "exposed communication",
            Self::Copy => "exposed copy",
            Self::Data => "loading of data",
            Self::Idle => "idle",
            Self::Range => "range",
            Self::Other => "other",
        }
    }
}

/// A part of a step: what it is, and its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepPart {
    /// What it is.
    pub kind: PartKind,
    /// The kernel, operator, collective, kind of copy, cause or range.
    pub name: String,
}

/// The steps of one run, each with its length and its parts.
#[derive(Clone, Debug, Default)]
pub struct StepTimes {
    parts: Parts,
    /// By the step's number.
    steps: BTreeMap<i64, OneStep>,
}

/// Length, ns, and how much of it went to which part.
#[derive(Clone, Debug)]
struct OneStep {
    duration: i64,
    parts: Vec<(u32, i64)>,
}

impl StepTimes {
    /// The steps of a rank, or those found in the order of its kernels where the program marks none.
    #[must_use]
    pub fn of(recording: &Recording, rank: &RankAnalysis) -> Self {
        let mut times = Self::default();
        if rank.step_spans().is_empty() {
            let found = (rank.basis() == Basis::Gpu)
                .then(|| period::detected(recording, rank.operations()))
                .flatten();
            let steps = found.map_or_else(Vec::new, |found| found.steps);
            let Some((first, last)) = steps.first().zip(steps.last()) else { return times };
            let window = (first.start_ns, last.start_ns.saturating_add(last.duration_ns));
            let pieces = gpu::pieces(recording, rank, window, &mut times.parts);
            for (number, step) in steps.iter().enumerate() {
                let end = step.start_ns.saturating_add(step.duration_ns);
                times.keep(number as i64, (step.start_ns, end), &pieces);
            }
            return times;
        }
        // Which number a step has is said by its row, which thread by its span; both are in the same order.
        let spans = || rank.step_spans().iter().zip(rank.steps());
        let ends = spans().map(|(span, _)| span.end).max();
        let window = spans().next().map(|(span, _)| span.start).zip(ends).unwrap_or_default();
        if rank.basis() == Basis::Gpu {
            let pieces = gpu::pieces(recording, rank, window, &mut times.parts);
            for (span, step) in spans() {
                times.keep(step.index, (span.start, span.end), &pieces);
            }
            return times;
        }
        let mut threads: Vec<_> = spans().map(|(span, _)| span.thread).collect();
        threads.sort_unstable();
        threads.dedup();
        for thread in threads {
            let pieces = host::pieces(recording, rank, (thread, window), &mut times.parts);
            for (span, step) in spans().filter(|(span, _)| span.thread == thread) {
                times.keep(step.index, (span.start, span.end), &pieces);
            }
        }
        times
    }

    /// Divides the step `[start, end)`; kept if it is the longest of its number.
    fn keep(&mut self, index: i64, (start, end): (i64, i64), pieces: &[Piece]) {
        let duration = end.saturating_sub(start).max(0);
        if self.steps.get(&index).is_some_and(|known| known.duration >= duration) {
            return;
        }
        let mut parts: BTreeMap<u32, i64> = BTreeMap::new();
        let mut covered = 0_i64;
        for (part, time) in within(pieces, (start, end)) {
            *parts.entry(part).or_default() += time;
            covered = covered.saturating_add(time);
        }
        if covered < duration {
            let rest = self.parts.number(PartKind::Other, || "(nothing recorded)".to_owned());
            *parts.entry(rest).or_default() += duration - covered;
        }
        self.steps.insert(index, OneStep { duration, parts: parts.into_iter().collect() });
    }

    /// Adds what another rank of the run did: of each step the slowest rank counts.
    pub fn add(&mut self, other: Self) {
        let numbers: Vec<u32> = (other.parts.all.into_iter())
            .map(|part| self.parts.number(part.kind, || part.name))
            .collect();
        for (index, mut step) in other.steps {
            if self.steps.get(&index).is_some_and(|known| known.duration >= step.duration) {
                continue;
            }
            for (part, _) in &mut step.parts {
                *part = numbers.get(*part as usize).copied().unwrap_or(0);
            }
            self.steps.insert(index, step);
        }
    }

    /// Leaves the first step out where there are more than two: it warms up.
    pub fn leave_out_warm_up(&mut self) {
        if self.steps.len() > 2 {
            self.steps.pop_first();
        }
    }

    /// The lengths of the steps, ns, by their numbers.
    pub fn durations(&self) -> impl Iterator<Item = (i64, i64)> {
        self.steps.iter().map(|(&index, step)| (index, step.duration))
    }

    /// All steps together.
    #[must_use]
    pub fn sums(&self) -> StepSums {
        let mut sums = StepSums { steps: self.steps.len(), ..StepSums::default() };
        let mut totals = vec![0_i64; self.parts.all.len()];
        for step in self.steps.values() {
            sums.total = sums.total.saturating_add(step.duration);
            for &(part, time) in &step.parts {
                if let Some(total) = totals.get_mut(part as usize) {
                    *total = total.saturating_add(time);
                }
            }
        }
        let named = self.parts.all.iter().cloned().zip(totals);
        sums.parts = named.filter(|(_, total)| *total > 0).collect();
        sums
    }
}

/// The steps of several runs together: how many, how long in all, and what that went to. Times in ns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepSums {
    steps: usize,
    total: i64,
    parts: BTreeMap<StepPart, i64>,
}

impl StepSums {
    /// What the steps went to, ns in all; it adds up to their length.
    pub fn totals(&self) -> impl Iterator<Item = (&StepPart, i64)> {
        self.parts.iter().map(|(part, &time)| (part, time))
    }

    /// Adds the steps of another run.
    pub fn add(&mut self, other: Self) {
        self.steps += other.steps;
        self.total = self.total.saturating_add(other.total);
        for (part, time) in other.parts {
            let sum = self.parts.entry(part).or_default();
            *sum = sum.saturating_add(time);
        }
    }
}
