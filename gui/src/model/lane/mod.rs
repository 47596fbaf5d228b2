//! A lane: events of one row that never overlap, in order of time, packed.
//!
//! Nesting is taken apart when lanes are made, one lane a level, so that everything else may rely
//! on sorted, disjoint events and use binary search.

mod block;
mod event;
mod levels;

use std::ops::Range;
use std::sync::Arc;

use super::mip::Mip;
use super::names::NameId;
use super::tint::{Category, Tint};
use block::{Block, EVENTS};

pub(crate) use block::Entry;
pub(crate) use event::believed;
pub use event::{Event, FURTHEST_TIME, Label};
pub(crate) use levels::Making;
pub use levels::{Levels, MAX_LEVELS};

/// Disjoint events in order of time.
#[derive(Clone, Debug, Default)]
pub struct Lane {
    blocks: Vec<Block>,
    length: usize,
    /// Names and tints, which lanes share.
    labels: Arc<[Label]>,
    mip: Option<Mip>,
}

impl Lane {
    /// Sorts events and puts each on the first level that is free when it starts: properly nested
    /// events land on the level of their depth, overlapping ones next to each other.
    #[must_use]
    pub fn split(events: impl AsRef<[Event]>) -> Levels {
        Levels::of(events.as_ref())
    }

    /// So many events in blocks that are full but for the last. They have these tints by the numbers of their labels.
    fn of(blocks: Vec<Block>, length: usize, tints: &[Tint]) -> Self {
        let mut lane = Self { blocks, length, ..Self::default() };
        lane.mip = lane.span().and_then(|span| {
            let tint = |label: u32| tints.get(label as usize).copied().unwrap_or_default();
            let events = (0..length).map(|index| {
                let (block, index) = lane.place(index);
                let (start, end) = block.times(index);
                (start, end, tint(block.label(index)))
            });
            Mip::build(span, events)
        });
        lane
    }

    /// Says which labels the events' numbers stand for.
    pub(crate) fn set_labels(&mut self, labels: &Arc<[Label]>) {
        self.labels = Arc::clone(labels);
    }

    /// Moves all events by so many ns, as far as times go.
    pub(super) fn shift(&mut self, by: i64) {
        let Some((first, last)) = self.span() else { return };
        let by = by.clamp(-FURTHEST_TIME - first, FURTHEST_TIME - last);
        for block in &mut self.blocks {
            block.first += by;
        }
        if let Some(mip) = &mut self.mip {
            mip.shift(by);
        }
    }

    fn place(&self, index: usize) -> (&Block, usize) {
        (&self.blocks[index / EVENTS], index % EVENTS)
    }

    /// How many events there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.length
    }

    /// True for a lane without events.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// First start and last end, ns; `None` without events.
    #[must_use]
    pub fn span(&self) -> Option<(i64, i64)> {
        Some((self.blocks.first()?.first, self.end(self.length.checked_sub(1)?)))
    }

    /// When the event at a position starts, ns; ascending. As of a slice, there must be one.
    #[must_use]
    pub fn start(&self, index: usize) -> i64 {
        let (block, index) = self.place(index);
        block.start(index)
    }

    /// When the event at a position ends, ns; ascending.
    #[must_use]
    pub fn end(&self, index: usize) -> i64 {
        let (block, index) = self.place(index);
        block.end(index)
    }

    /// Name and tint of the event at a position.
    #[must_use]
    pub fn label(&self, index: usize) -> Label {
        let (block, index) = self.place(index);
        self.label_of(block.label(index))
    }

    fn label_of(&self, number: u32) -> Label {
        self.labels.get(number as usize).copied().unwrap_or_default()
    }

    /// Start, end and tint of the event at a position: what drawing it takes.
    #[must_use]
    pub fn drawn(&self, index: usize) -> (i64, i64, Tint) {
        let (block, index) = self.place(index);
        let (start, end) = block.times(index);
        (start, end, self.label_of(block.label(index)).tint)
    }

    /// The name of the event at a position.
    #[must_use]
    pub fn name(&self, index: usize) -> NameId {
        self.label(index).name
    }

    /// What the event at a position is drawn as.
    #[must_use]
    pub fn tint(&self, index: usize) -> Tint {
        self.label(index).tint
    }

    /// The row of the recording that the event at a position is.
    #[must_use]
    pub fn row(&self, index: usize) -> u32 {
        let (block, index) = self.place(index);
        block.row(index)
    }

    /// The categories of its labels.
    pub fn categories(&self) -> impl Iterator<Item = Category> {
        self.labels.iter().map(|label| label.tint.category())
    }

    /// Every event in order of time.
    #[must_use]
    pub fn events(&self) -> impl ExactSizeIterator<Item = Event> {
        (0..self.length).map(|index| self.at(index))
    }

    /// Names of all events in order of time.
    #[must_use]
    pub fn names(&self) -> impl ExactSizeIterator<Item = NameId> {
        (0..self.length).map(|index| self.name(index))
    }

    /// Positions of the events whose name is wanted.
    #[must_use]
    pub fn with_names(&self, wanted: impl Fn(NameId) -> bool) -> Vec<u32> {
        let wanted: Vec<bool> = self.labels.iter().map(|label| wanted(label.name)).collect();
        if !wanted.contains(&true) {
            return Vec::new();
        }
        let is_wanted = |&index: &u32| {
            let (block, index) = self.place(index as usize);
            wanted.get(block.label(index) as usize) == Some(&true)
        };
        (0..self.length as u32).filter(is_wanted).collect()
    }

    /// The summary by zoom level, for lanes that are long enough to need one.
    #[must_use]
    pub const fn mip(&self) -> Option<&Mip> {
        self.mip.as_ref()
    }

    /// The event at a position.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Event> {
        (index < self.length).then(|| self.at(index))
    }

    fn at(&self, index: usize) -> Event {
        let (block, index) = self.place(index);
        let (start, end) = block.times(index);
        let Label { name, tint } = self.label_of(block.label(index));
        Event { start, end, name, tint, row: block.row(index) }
    }

    /// The position of the first event that starts at `time` or later; the number of events when none does.
    #[must_use]
    pub fn first_from(&self, time: i64) -> usize {
        self.partition_point(|block, index| block.start(index) < time)
    }

    /// The same among the events at these positions; near ones are found soonest.
    #[must_use]
    pub fn first_from_near(&self, among: Range<usize>, time: i64) -> usize {
        let (mut low, mut reach) = (among.start, 64);
        while low + reach < among.end && self.start(low + reach) < time {
            low += reach;
            reach *= 2;
        }
        let high = (low + reach).min(among.end);
        first_not_before(low..high, |index| self.start(index) < time)
    }

    /// The position of the first event that starts later than `time`.
    #[must_use]
    pub fn first_after(&self, time: i64) -> usize {
        self.partition_point(|block, index| block.start(index) <= time)
    }

    /// The positions of the events that touch the time from `start` to `end`, both included.
    #[must_use]
    pub fn touching(&self, start: i64, end: i64) -> Range<usize> {
        let first = self.partition_point(|block, index| block.end(index) < start);
        let past = self.first_after(end);
        first..past.max(first)
    }

    /// How many events are before those of which `is_before` is not true.
    fn partition_point(&self, is_before: impl Fn(&Block, usize) -> bool) -> usize {
        // Only the last block is not full: the first event of a block tells whether the one before is all before.
        let past = self.blocks.partition_point(|block| is_before(block, 0));
        let Some(at) = past.checked_sub(1) else { return 0 };
        let block = &self.blocks[at];
        let rest = 1..EVENTS.min(self.length - at * EVENTS);
        at * EVENTS + first_not_before(rest, |index| is_before(block, index))
    }

    /// Bytes on the heap, without the labels, which lanes share.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let packed: usize = self.blocks.iter().map(Block::heap_bytes).sum();
        packed
            + self.blocks.capacity() * size_of::<Block>()
            + self.mip.as_ref().map_or(0, Mip::heap_bytes)
    }
}

/// The first of these positions that is not before what is looked for, as of a slice; their end when all are.
fn first_not_before(among: Range<usize>, is_before: impl Fn(usize) -> bool) -> usize {
    let Range { start: mut low, end: mut high } = among;
    while low < high {
        let middle = usize::midpoint(low, high);
        if is_before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{EVENTS, Event, FURTHEST_TIME, Lane};
    use crate::model::names::NameId;
    use crate::model::tint::{Category, Tint};

    fn event(start: i64, end: i64) -> Event {
        Event::new(start, end, NameId(0), Tint::default(), 0)
    }

    #[test]
    fn times_out_of_range_are_brought_into_it() {
        let broken = event(i64::MAX, i64::MIN);
        assert!(broken.start <= broken.end);
        let mut lane = Lane::split([event(0, 10), event(20, 30)]).lanes.remove(0);
        lane.shift(i64::MAX);
        assert_eq!(lane.span(), Some((FURTHEST_TIME - 30, FURTHEST_TIME)));
        lane.shift(i64::MIN);
        assert_eq!((lane.start(0), lane.start(1)), (-FURTHEST_TIME, -FURTHEST_TIME + 20));
    }

    #[test]
    fn an_event_takes_few_bytes() {
        let events: Vec<Event> = (0..100_000_i64)
            .map(|at| {
                let (start, length) = (1_700_000_000_000_000_000 + at * 31_000, at * 7919 % 60_000);
                let (name, tint) = (NameId((at % 200) as u32), Tint::plain(Category::Matrix));
                Event::new(start, start + length.min(30_000), name, tint, at as usize)
            })
            .collect();
        let levels = Lane::split(&events);
        assert_eq!(levels.lanes.len(), 1);
        assert!(levels.lanes[0].heap_bytes() < 12 * events.len());
        assert!(levels.lanes[0].events().eq(events));
    }

    /// Steps of times that span several blocks in some cases.
    fn steps() -> impl Strategy<Value = Vec<(i64, i64)>> {
        prop_oneof![
            prop::collection::vec((0_i64..1000, 0_i64..200), 0..200),
            prop::collection::vec((0_i64..20_000, 0_i64..20), EVENTS..3 * EVENTS),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn levels_are_sorted_disjoint_and_complete(times in steps()) {
            let events: Vec<_> = (times.iter().enumerate())
                .map(|(row, &(start, length))| Event::new(start, start + length, NameId(row as u32 % 5), Tint::default(), row))
                .collect();
            let levels = Lane::split(&events);
            let mut kept = Vec::new();
            for lane in &levels.lanes {
                for index in 1..lane.len() {
                    prop_assert!(lane.end(index - 1) <= lane.start(index));
                }
                kept.extend(lane.events());
            }
            prop_assert_eq!(kept.len() + levels.too_deep, events.len());
            for event in kept {
                prop_assert_eq!(event, events[event.row as usize]);
            }
        }

        #[test]
        fn touching_agrees_with_looking_at_each(
            times in steps(), from in 0_i64..20_000, length in 0_i64..300,
        ) {
            let events: Vec<_> = times.iter().map(|&(start, length)| event(start, start + length)).collect();
            for lane in Lane::split(events).lanes {
                let found = lane.touching(from, from + length);
                for index in 0..lane.len() {
                    let touches = lane.end(index) >= from && lane.start(index) <= from + length;
                    prop_assert_eq!(touches, found.contains(&index));
                    prop_assert_eq!(lane.start(index) >= from, index >= lane.first_from(from));
                    prop_assert_eq!(lane.start(index) > from, index >= lane.first_after(from));
                }
                let near = lane.first_from_near(lane.len() / 3..lane.len(), from);
                prop_assert_eq!(near, lane.first_from(from).max(lane.len() / 3));
            }
        }
    }
}
