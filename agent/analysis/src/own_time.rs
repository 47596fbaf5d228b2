//! Own time and time of the GPU by name, where only the sums are asked for: like [`Nesting`](crate::nesting::Nesting), in memory
//! that does not grow with what was found.
//!
//! A GPU operation belongs to the instant at which its launching call started, on the thread of that call. It is the own work of
//! the innermost span that was open there at that instant (`[start, end)`), and the work of every span that was.

use rustc_hash::FxHashMap;
use std::cmp::Reverse;

use perfagent_recording::StringId;

use crate::nesting::DEEPEST;
use crate::operation::PackedWork;
use crate::statistic::Tally;
use crate::timeline::OfThread;

/// Something with a beginning and an end on one thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    start: i64,
    end: i64,
    /// Its depth as recorded; decides which of two spans with equal times is the outer one.
    depth: i32,
    name: u32,
}

impl Span {
    /// `end` is not before `start`.
    pub(crate) fn new((start, end): (i64, i64), depth: i64, name: StringId) -> Self {
        let depth = depth.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32;
        // A name that no file can define counts under the empty text.
        Self { start, end, depth, name: u32::try_from(name.0).unwrap_or(0) }
    }
}

/// Operations of the GPU and their time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OnGpu {
    pub(crate) operations: i64,
    pub(crate) time: i64,
}

impl OnGpu {
    fn add(&mut self, operations: usize, time: i64) {
        self.operations += operations as i64;
        self.time = self.time.saturating_add(time);
    }
}

/// The times of one name.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Named {
    /// Times in which nothing nested ran.
    pub(crate) own: Tally,
    /// Times with what is nested; of a name within itself, the outermost alone.
    pub(crate) inclusive: i64,
    /// What was launched while nothing nested ran.
    pub(crate) own_gpu: OnGpu,
    /// What was launched, nested or not; within a namesake it is not counted twice.
    pub(crate) all_gpu: OnGpu,
}

impl Named {
    /// Counts one more.
    pub(crate) fn add(&mut self, own: i64, inclusive: Option<i64>) {
        self.own.add(own);
        self.inclusive = self.inclusive.saturating_add(inclusive.unwrap_or(0));
    }
}

/// The sums of all names.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    /// By the number of the name.
    pub(crate) names: Vec<Named>,
    /// What was launched as own work, by the number of the name and what it was.
    pub(crate) kernels: FxHashMap<(u32, PackedWork), OnGpu>,
    /// How many operations are somebody's own work.
    pub(crate) found: i64,
}

impl Sums {
    /// For so many names.
    pub(crate) fn of_names(count: usize) -> Self {
        Self { names: vec![Named::default(); count.max(1)], ..Self::default() }
    }

    fn named(&mut self, name: u32) -> Option<&mut Named> {
        let name = if (name as usize) < self.names.len() { name as usize } else { 0 };
        self.names.get_mut(name)
    }

    /// Adds the spans of one thread and what it launched. Spans that overlap without nesting are taken as if the later one were
    /// nested in the earlier one.
    pub(crate) fn add(&mut self, mut spans: Vec<Span>, launched: &OfThread) {
        spans.sort_unstable_by_key(|span| (span.start, Reverse(span.end), span.depth, span.name));
        let mut sweep = Sweep { sums: self, launched, next: 0, open: Vec::new(), now: i64::MIN };
        // Until when the work of a name is counted.
        let mut counted: FxHashMap<u32, i64> = FxHashMap::default();
        for span in spans {
            sweep.go_to(span.start);
            let until = counted.entry(span.name).or_insert(i64::MIN);
            let from = launched.first_from(sweep.next, span.start.max(*until));
            let end = launched.first_from(from, span.end);
            *until = span.end.max(*until);
            if end > from
                && let Some(named) = sweep.sums.named(span.name)
            {
                named.all_gpu.add(end - from, launched.time(from, end));
            }
            sweep.open(span);
        }
        sweep.go_to(i64::MAX);
    }
}

/// A span that is not over yet.
struct Open {
    span: Span,
    own: i64,
    is_recursive: bool,
}

struct Sweep<'a> {
    sums: &'a mut Sums,
    launched: &'a OfThread,
    /// The next operation that has no owner yet.
    next: usize,
    open: Vec<Open>,
    now: i64,
}

impl Sweep<'_> {
    /// Gives what was launched before `time` to its owners, and ends the innermost spans that are over then.
    fn go_to(&mut self, time: i64) {
        while let Some((launched, length)) = self.launched.get(self.next)
            && launched.time < time
        {
            self.close(launched.time);
            self.next += 1;
            if let Some(owner) = self.open.last() {
                let name = owner.span.name;
                self.sums.found += 1;
                self.sums.kernels.entry((name, launched.work)).or_default().add(1, length);
                if let Some(named) = self.sums.named(name) {
                    named.own_gpu.add(1, length);
                }
            }
        }
        self.close(time);
    }

    fn open(&mut self, span: Span) {
        if let Some(parent) = self.open.last_mut() {
            parent.own += (span.start - self.now).max(0);
        }
        let is_recursive = (self.open.iter().rev().take(DEEPEST))
            .any(|outer| outer.span.name == span.name && span.end <= outer.span.end);
        self.now = self.now.max(span.start);
        self.open.push(Open { span, own: 0, is_recursive });
    }

    fn close(&mut self, time: i64) {
        while let Some(innermost) = self.open.pop_if(|innermost| innermost.span.end <= time) {
            let Open { span, own, is_recursive } = innermost;
            let own = own + (span.end - self.now).max(0);
            self.now = self.now.max(span.end);
            if let Some(named) = self.sums.named(span.name) {
                named.add(own, (!is_recursive).then(|| span.end.saturating_sub(span.start)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use perfagent_recording::{StringId, ThreadId};
    use proptest::prelude::*;

    use super::{Named, Span, Sums};
    use crate::nesting::{Item, Nesting, Role};
    use crate::timeline::OfThread;

    proptest! {
        /// The two ways to own time agree.
        #[test]
        fn sums_are_those_of_the_nesting(
            spans in prop::collection::vec((0_i64..60, 0_i64..30, 0_i64..3, 0_i64..4), 0..40)
        ) {
            let item = |&(start, length, depth, name): &(i64, i64, i64, i64)| Item {
                thread: ThreadId(1), start, end: start + length, depth, name: StringId(name), role: Role::Operator,
            };
            let nesting = Nesting::of(spans.iter().map(item).collect());
            let mut own = vec![0; nesting.items.len()];
            for slice in &nesting.slices {
                own[slice.item as usize] += slice.end - slice.start;
            }
            let mut expected = [Named::default(); 4];
            for (index, item) in nesting.items.iter().enumerate() {
                let inclusive = (!nesting.is_recursive(index, &|_| true)).then_some(item.end - item.start);
                expected[item.name.0 as usize].add(own[index], inclusive);
            }
            let mut sums = Sums::of_names(4);
            let span = |&(start, length, depth, name): &(i64, i64, i64, i64)| Span::new((start, start + length), depth, StringId(name));
            sums.add(spans.iter().map(span).collect(), &OfThread::default());
            let figures = |named: &Named| (named.own.count, named.own.total, named.own.min, named.own.max, named.inclusive);
            prop_assert_eq!(sums.names.iter().map(figures).collect::<Vec<_>>(), expected.iter().map(figures).collect::<Vec<_>>());
        }
    }
}
