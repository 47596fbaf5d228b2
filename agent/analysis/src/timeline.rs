//! What each thread launched, in order of time.

use std::collections::BTreeMap;

use perfagent_recording::{Recording, ThreadId};

use crate::operation::{Operations, PackedWork};
use crate::operator_gpu::push_first_large;

/// An operation as its thread launched it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Launched {
    /// When the launching call began.
    pub(crate) time: i64,
    /// The time on the GPU of all operations before it.
    before: i64,
    pub(crate) work: PackedWork,
}

/// What one thread launched.
#[derive(Clone, Debug, Default)]
pub(crate) struct OfThread {
    launched: Vec<Launched>,
    total: i64,
}

impl OfThread {
    /// How many operations there are.
    pub(crate) const fn len(&self) -> usize {
        self.launched.len()
    }

    /// The operation at this position, and its time on the GPU.
    pub(crate) fn get(&self, position: usize) -> Option<(Launched, i64)> {
        let launched = *self.launched.get(position)?;
        Some((launched, self.before(position + 1) - launched.before))
    }

    /// The first position from `from` on whose time is not before `time`. Near ones are found soonest.
    pub(crate) fn first_from(&self, from: usize, time: i64) -> usize {
        let (mut low, mut step) = (from, 1);
        while self.launched.get(low + step - 1).is_some_and(|launched| launched.time < time) {
            low += step;
            step *= 2;
        }
        let high = (low + step - 1).min(self.launched.len()).max(low);
        low + self.launched[low.min(high)..high].partition_point(|launched| launched.time < time)
    }

    /// The time on the GPU of the operations at these positions.
    pub(crate) fn time(&self, from: usize, until: usize) -> i64 {
        self.before(until) - self.before(from)
    }

    fn before(&self, position: usize) -> i64 {
        self.launched.get(position).map_or(self.total, |launched| launched.before)
    }
}

/// What all threads of a process launched.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timeline {
    threads: BTreeMap<ThreadId, OfThread>,
    nothing: OfThread,
}

impl Timeline {
    pub(crate) fn of(recording: &Recording, operations: &Operations) -> Self {
        let mut launched_of: BTreeMap<ThreadId, Vec<Launched>> = BTreeMap::new();
        for operation in operations.iter() {
            let Some((call, time)) = operation.call().zip(operation.launched()) else { continue };
            let Some(call) = recording.api_calls.get(call as usize) else { continue };
            let launched =
                Launched { time, before: operation.length(), work: operation.packed_work() };
            push_first_large(&mut launched_of, call.thread_id, launched, operations.len());
        }
        let mut threads: BTreeMap<ThreadId, OfThread> = BTreeMap::new();
        for (id, launched) in launched_of {
            let thread = threads.entry(id).or_default();
            thread.launched = launched;
            thread.launched.shrink_to_fit();
            // Stable, because that makes use of the order in which each stream's operations are.
            thread.launched.sort_by_key(|launched| launched.time);
            for launched in &mut thread.launched {
                let length = launched.before;
                launched.before = thread.total;
                thread.total = thread.total.saturating_add(length);
            }
        }
        Self { threads, nothing: OfThread::default() }
    }

    /// What a thread launched.
    pub(crate) fn of_thread(&self, thread: ThreadId) -> &OfThread {
        self.threads.get(&thread).unwrap_or(&self.nothing)
    }

    /// How many operations have a launching call.
    pub(crate) fn len(&self) -> usize {
        self.threads.values().map(OfThread::len).sum()
    }

    /// The time of the operations that were launched on the thread within `[start, end)`.
    pub(crate) fn within(&self, thread: ThreadId, start: i64, end: i64) -> i64 {
        let launched = self.of_thread(thread);
        let from = launched.launched.partition_point(|launched| launched.time < start);
        launched.time(from, launched.first_from(from, end.max(start)))
    }
}

#[cfg(test)]
mod tests {
    use perfagent_recording::StringId;
    use proptest::prelude::*;

    use super::{Launched, OfThread};
    use crate::operation::{Operation, Work};

    proptest! {
        #[test]
        fn positions_are_found_from_anywhere(times in prop::collection::vec(0_i64..50, 0..60), from in 0_usize..70, time in -5_i64..55) {
            let work = Operation::new((0, 0), 0, None, Work::Kernel(StringId(1))).packed_work();
            let mut times = times;
            times.sort_unstable();
            let launched: Vec<Launched> =
                times.iter().enumerate().map(|(index, &time)| Launched { time, before: index as i64, work }).collect();
            let thread = OfThread { total: launched.len() as i64, launched };
            let from = from.min(times.len());
            let expected = (from..times.len()).find(|&at| times[at] >= time).unwrap_or(times.len());
            prop_assert_eq!(thread.first_from(from, time), expected);
            prop_assert_eq!(thread.time(from, expected), (expected - from) as i64);
        }
    }
}
