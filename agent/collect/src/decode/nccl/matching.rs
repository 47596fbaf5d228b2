//! Brings calls of NCCL together with their kernels, in whichever order the records come.
//!
//! A call knows its plan, or its launch's correlation id. A plan's correlation ids come in external-correlation records,
//! and a kernel record has its own. Each of the three may be read first.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

/// Calls that wait for their kernel at most; beyond that the oldest is given up.
const MOST_WAITING: usize = 1 << 16;
/// Kernels that are kept for calls that have not been read yet, and plans for kernels.
const MOST_KERNELS: usize = 512;
const MOST_LINKS: usize = 4096;

/// A call of NCCL, with its texts already in the recording (string ids).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Call {
    /// When it was handed over, on the recording's clock.
    pub(crate) enqueued_ns: i64,
    pub(crate) tid: u32,
    pub(crate) op: i64,
    pub(crate) dtype: i64,
    pub(crate) bytes: Option<i64>,
    pub(crate) group: i64,
    pub(crate) size: Option<i64>,
    pub(crate) sequence: Option<i64>,
}

/// When and where a kernel ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ran {
    pub(crate) start_ns: i64,
    pub(crate) end_ns: i64,
    /// Row of the stream, where it is known.
    pub(crate) stream: Option<i64>,
    /// 0 when it is not known: NCCL timed it.
    pub(crate) correlation: u32,
}

/// A call and its kernel, if one was found.
pub(crate) type Matched = (Call, Option<Ran>);

/// What a call is found by: the number of a plan, or a correlation id with the highest bit set.
pub(crate) type Key = u64;

/// The key of a call that knows its correlation id.
pub(crate) fn by_correlation(correlation: u32) -> Key {
    1 << 63 | u64::from(correlation)
}

/// Calls, kernels and what links them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Matching {
    waiting: BTreeMap<Key, Vec<Call>>,
    /// How many wait, and the keys in the order in which they came.
    count: usize,
    order: VecDeque<Key>,
    /// The plan of a correlation id whose kernel has not been read.
    plans: BTreeMap<u32, u64>,
    /// Kernels by key; a plan has several calls.
    kernels: BTreeMap<Key, Ran>,
    kernel_order: VecDeque<Key>,
}

impl Matching {
    /// A call whose kernel is to come, or has come. Returns what is now complete or given up.
    pub(crate) fn call(&mut self, key: Key, call: Call) -> Vec<Matched> {
        if let Some(ran) = self.kernels.get(&key) {
            return vec![(call, Some(*ran))];
        }
        let of_key = self.waiting.entry(key).or_default();
        if of_key.is_empty() {
            self.order.push_back(key);
        }
        of_key.push(call);
        self.count += 1;
        let mut given_up = Vec::new();
        while self.count > MOST_WAITING
            && let Some(oldest) = self.order.pop_front()
        {
            given_up.extend(self.take(oldest).into_iter().map(|call| (call, None)));
        }
        given_up
    }

    /// CUDA calls with this correlation id belong to this plan.
    pub(crate) fn link(&mut self, correlation: u32, plan: u64) -> Vec<Matched> {
        if let Some(ran) = self.kernels.get(&by_correlation(correlation)).copied() {
            return self.ran(plan, ran);
        }
        self.plans.insert(correlation, plan);
        if self.plans.len() > MOST_LINKS {
            // Most of a plan's CUDA calls launch no kernel of NCCL's, so this is where a long run lives. The older half
            // goes at once: looking for the oldest of all at each link took longer than all the rest of the recording.
            let mut ages: Vec<_> = self.plans.values().copied().collect();
            ages.sort_unstable();
            let middle = ages[ages.len() / 2];
            self.plans.retain(|_, plan| *plan > middle);
        }
        Vec::new()
    }

    /// One of NCCL's kernels ran.
    pub(crate) fn kernel(&mut self, ran: Ran) -> Vec<Matched> {
        let mut matched = self.ran(by_correlation(ran.correlation), ran);
        if let Some(plan) = self.plans.remove(&ran.correlation) {
            matched.extend(self.ran(plan, ran));
        }
        matched
    }

    /// NCCL has timed the call of this plan.
    pub(crate) fn times(&mut self, plan: u64, ran: Ran) -> Vec<Matched> {
        self.ran(plan, ran)
    }

    /// Everything that still waits.
    pub(crate) fn give_up(&mut self) -> Vec<Matched> {
        let keys: Vec<_> = self.order.drain(..).collect();
        keys.into_iter().flat_map(|key| self.take(key)).map(|call| (call, None)).collect()
    }

    fn ran(&mut self, key: Key, ran: Ran) -> Vec<Matched> {
        if self.kernels.insert(key, ran).is_none() {
            self.kernel_order.push_back(key);
        }
        if self.kernel_order.len() > MOST_KERNELS
            && let Some(oldest) = self.kernel_order.pop_front()
        {
            self.kernels.remove(&oldest);
        }
        self.take(key).into_iter().map(|call| (call, Some(ran))).collect()
    }

    fn take(&mut self, key: Key) -> Vec<Call> {
        let calls = self.waiting.remove(&key).unwrap_or_default();
        self.count -= calls.len();
        if self.order.front() == Some(&key) {
            self.order.pop_front();
        }
        // Keys that are taken out of turn are dropped when most of the queue is such.
        if self.order.len() > 2 * self.waiting.len() + 64 {
            self.order.retain(|key| self.waiting.contains_key(key));
        }
        calls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(number: i64) -> Call {
        Call {
            enqueued_ns: number,
            tid: 1,
            op: 1,
            dtype: 2,
            bytes: None,
            group: 0,
            size: None,
            sequence: None,
        }
    }

    fn ran(correlation: u32) -> Ran {
        Ran { start_ns: 10, end_ns: 20, stream: Some(1), correlation }
    }

    /// All six orders in which the call, the link and the kernel of one plan can be read.
    #[test]
    fn a_call_finds_its_kernel_whichever_is_read_first() {
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut matching = Matching::default();
            let mut matched = Vec::new();
            for what in order {
                matched.extend(match what {
                    0 => [matching.call(5, call(1)), matching.call(5, call(2))].concat(),
                    1 => matching.link(77, 5),
                    _ => matching.kernel(ran(77)),
                });
                // A recorder may be killed at any point and another go on.
                let saved = serde_json::to_string(&matching).unwrap();
                matching = serde_json::from_str(&saved).unwrap();
            }
            let expected = [(call(1), Some(ran(77))), (call(2), Some(ran(77)))];
            assert_eq!(matched, expected, "{order:?}");
            assert!(matching.give_up().is_empty());
        }
    }

    #[test]
    fn a_launch_with_several_cuda_calls_is_matched_by_its_kernel() {
        let mut matching = Matching::default();
        for correlation in [70, 71, 72] {
            assert!(matching.link(correlation, 5).is_empty());
        }
        matching.call(5, call(1));
        assert_eq!(matching.kernel(ran(71)), [(call(1), Some(ran(71)))]);
    }

    /// Each link looked through all 4096 links that were left over, which cost the recorder 15 µs.
    #[test]
    fn links_that_nobody_takes_are_given_up_many_at_a_time() {
        let mut matching = Matching::default();
        for number in 0..=MOST_LINKS as u32 {
            matching.link(number, number.into());
        }
        assert!((MOST_LINKS / 2 - 1..=MOST_LINKS / 2 + 1).contains(&matching.plans.len()));
        matching.call(MOST_LINKS as u64, call(1));
        assert_eq!(matching.kernel(ran(MOST_LINKS as u32)).len(), 1, "the newest is still there");
        for number in 0..=MOST_LINKS as u32 {
            matching.link(10_000 + number, 1);
        }
        assert!(matching.plans.len() <= MOST_LINKS, "and all of one plan are given up too");
    }

    #[test]
    fn calls_without_a_kernel_are_told_apart_and_kept_in_bounds() {
        let mut matching = Matching::default();
        matching.call(by_correlation(3), call(0));
        assert!(matching.kernel(ran(4)).is_empty(), "another launch's kernel is not taken");
        let mut given_up = Vec::new();
        for number in 1..=MOST_WAITING as i64 {
            given_up.extend(matching.call(number as u64, call(number)));
        }
        assert_eq!(given_up, [(call(0), None)]);
        assert_eq!(matching.give_up().len(), MOST_WAITING);
        for correlation in 0..10_000 {
            matching.link(correlation, correlation.into());
            matching.kernel(ran(correlation));
            matching.link(correlation + 1_000_000, 1);
        }
        assert!(matching.kernels.len() <= MOST_KERNELS && matching.plans.len() <= MOST_LINKS);
    }
}
