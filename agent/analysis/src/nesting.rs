//! Own time: which of the nested things on a thread ran at each instant.

use std::cmp::Reverse;

use perfagent_recording::{StringId, ThreadId};

/// Something with a beginning and an end on a thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    pub(crate) thread: ThreadId,
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// Its depth as recorded; decides which of two items with equal times is the outer one.
    pub(crate) depth: i64,
    pub(crate) name: StringId,
    pub(crate) role: Role,
}

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Operator,
    Range,
    Step,
    Collective,
}

/// A stretch of time in which `item` was the innermost one of its thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slice {
    pub(crate) item: u32,
    pub(crate) start: i64,
    pub(crate) end: i64,
}

/// How far out an item looks for one of its name: ranges that overlap without nesting pile up without
/// bound, and looking at all of them would take quadratic time.
pub(crate) const DEEPEST: usize = 64;

/// Items in order of (thread, time) with what encloses what.
#[derive(Clone, Debug, Default)]
pub(crate) struct Nesting {
    pub(crate) items: Vec<Item>,
    /// A partition of every thread's covered time, in the order in which stretches end.
    pub(crate) slices: Vec<Slice>,
    /// Something is nested in the item.
    pub(crate) has_children: Vec<bool>,
    /// The innermost item of the same name that encloses it.
    pub(crate) namesake: Vec<Option<u32>>,
    /// A step is nested in it.
    pub(crate) holds_step: Vec<bool>,
}

impl Nesting {
    /// Finds what ran innermost at each instant. Items that overlap without nesting are taken as if
    /// the later one were nested in the earlier one: no instant is counted twice.
    pub(crate) fn of(mut items: Vec<Item>) -> Self {
        // Stable, because that makes use of the order in which the rows of each table mostly are.
        items.sort_by_key(|item| {
            (item.thread, item.start, Reverse(item.end), item.depth, item.name)
        });
        let mut nesting = Self {
            has_children: vec![false; items.len()],
            namesake: vec![None; items.len()],
            holds_step: vec![false; items.len()],
            slices: Vec::with_capacity(items.len() * 2),
            items: Vec::new(),
        };
        let mut open: Vec<u32> = Vec::new();
        let mut now = i64::MIN;
        let mut thread = None;
        for (index, item) in items.iter().enumerate() {
            if thread != Some(item.thread) {
                nesting.close(&items, &mut open, &mut now, i64::MAX);
                thread = Some(item.thread);
                now = i64::MIN;
            }
            nesting.close(&items, &mut open, &mut now, item.start);
            if let Some(&parent) = open.last() {
                nesting.push_slice(parent, now, item.start);
                nesting.has_children[parent as usize] = true;
            }
            for &outer in open.iter().rev().take(DEEPEST) {
                let around = &items[outer as usize];
                let nested = item.end <= around.end;
                if nested && around.name == item.name && nesting.namesake[index].is_none() {
                    nesting.namesake[index] = Some(outer);
                }
                nesting.holds_step[outer as usize] |= nested && item.role == Role::Step;
            }
            now = now.max(item.start);
            open.push(index as u32);
        }
        nesting.close(&items, &mut open, &mut now, i64::MAX);
        nesting.items = items;
        nesting
    }

    /// Whether an item of the same name that `counts` encloses this one, whose time is counted there already.
    pub(crate) fn is_recursive(&self, index: usize, counts: &dyn Fn(usize) -> bool) -> bool {
        let outer = |index: usize| self.namesake[index].map(|outer| outer as usize);
        std::iter::successors(outer(index), |&index| outer(index)).any(counts)
    }

    /// Ends the innermost items that are over at `time`.
    fn close(&mut self, items: &[Item], open: &mut Vec<u32>, now: &mut i64, time: i64) {
        while let Some(&innermost) = open.last() {
            let end = items[innermost as usize].end;
            if end > time {
                return;
            }
            self.push_slice(innermost, *now, end);
            *now = (*now).max(end);
            open.pop();
        }
    }

    fn push_slice(&mut self, item: u32, start: i64, end: i64) {
        if start < end {
            self.slices.push(Slice { item, start, end });
        }
    }
}

/// The innermost item at every instant of every thread.
pub(crate) struct Owners(Vec<(ThreadId, i64, i64, u32)>);

impl Owners {
    pub(crate) fn of(nesting: &Nesting) -> Self {
        let of_item = |slice: &Slice| nesting.items[slice.item as usize].thread;
        let mut slices: Vec<_> = (nesting.slices.iter())
            .map(|slice| (of_item(slice), slice.start, slice.end, slice.item))
            .collect();
        slices.sort_unstable();
        Self(slices)
    }

    /// The item that is innermost at this instant, by its position in [`Nesting::items`].
    pub(crate) fn at(&self, thread: ThreadId, time: i64) -> Option<u32> {
        let after = self.0.partition_point(|&(of, start, ..)| (of, start) <= (thread, time));
        let &(of, _, end, item) = self.0.get(after.checked_sub(1)?)?;
        (of == thread && time < end).then_some(item)
    }
}

#[cfg(test)]
mod tests {
    use perfagent_recording::{StringId, ThreadId};
    use proptest::prelude::*;

    use super::{Item, Nesting, Role};
    use crate::Intervals;

    fn item(thread: i64, start: i64, end: i64, name: i64) -> Item {
        Item {
            thread: ThreadId(thread),
            start,
            end,
            depth: 0,
            name: StringId(name),
            role: Role::Operator,
        }
    }

    fn own_times(nesting: &Nesting) -> Vec<i64> {
        let mut own = vec![0; nesting.items.len()];
        for slice in &nesting.slices {
            own[slice.item as usize] += slice.end - slice.start;
        }
        own
    }

    #[test]
    fn own_time_leaves_out_what_is_nested() {
        let nesting = Nesting::of(vec![
            item(1, 0, 100, 1),
            item(1, 10, 30, 2),
            item(1, 15, 20, 1),
            item(1, 40, 50, 2),
            item(2, 0, 100, 3),
        ]);
        assert_eq!(own_times(&nesting), [70, 15, 5, 10, 100]);
        assert_eq!(nesting.namesake, [None, None, Some(0), None, None]);
        assert_eq!(nesting.has_children, [true, true, false, false, false]);
    }

    #[test]
    fn time_within_a_namesake_that_does_not_count_is_not_counted_already() {
        let nested = (0..3).map(|depth| item(1, depth, 100 - depth, 1)).collect();
        let nesting = Nesting::of(nested);
        let recursive = |counts: &dyn Fn(usize) -> bool| {
            [0, 1, 2].map(|index| nesting.is_recursive(index, counts))
        };
        assert_eq!(recursive(&|_| true), [false, true, true]);
        assert_eq!(recursive(&|index| index != 0), [false, false, true]);
        assert_eq!(recursive(&|index| index == 2), [false; 3]);
    }

    proptest! {
        #[test]
        fn own_times_add_up_to_the_union(
            spans in proptest::collection::vec((0_i64..3, 0_i64..50, 0_i64..30), 0..30)
        ) {
            let items: Vec<Item> =
                spans.iter().map(|&(thread, start, length)| item(thread, start, start + length, 1)).collect();
            let unions: i64 = (0..3)
                .map(|thread| {
                    let of_thread = items.iter().filter(|item| item.thread.0 == thread);
                    Intervals::union_of(of_thread.map(|item| (item.start, item.end)).collect()).length()
                })
                .sum();
            prop_assert_eq!(own_times(&Nesting::of(items)).iter().sum::<i64>(), unions);
        }
    }
}
