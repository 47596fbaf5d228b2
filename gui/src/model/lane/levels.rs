//! Takes nesting apart: events that come in any order become lanes, one a level.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::block::{Block, EVENTS, Entry};
use super::{Event, Label, Lane};
use crate::model::tint::Tint;

/// Levels of nesting that are drawn; deeper events are counted, not shown.
pub const MAX_LEVELS: usize = 64;

/// Events that wait for ones that began before them: recorders tell of a call when it ends, after those that it made.
const WINDOW: usize = 8192;

/// Lanes made from events, and how many nest too deeply to be in one of them.
#[derive(Clone, Debug, Default)]
pub struct Levels {
    /// One lane a level of nesting, outermost first.
    pub lanes: Vec<Lane>,
    /// Events below [`MAX_LEVELS`].
    pub too_deep: usize,
}

impl Levels {
    /// Puts each event on the first level that is free when it starts: properly nested events land on the level of their depth,
    /// overlapping ones next to each other.
    pub(super) fn of(events: &[Event]) -> Self {
        let mut labels = Vec::new();
        let mut numbers = HashMap::new();
        let mut making = Making::default();
        for event in events {
            let label = Label { name: event.name, tint: event.tint };
            let number = *numbers.entry(label).or_insert_with(|| {
                labels.push(label);
                labels.len() as u32 - 1
            });
            making.push(Entry {
                start: event.start,
                end: event.end,
                label: number,
                row: event.row,
            });
        }
        let tints: Vec<Tint> = labels.iter().map(|label| label.tint).collect();
        let mut levels = making.finish(&tints);
        let labels = labels.into();
        levels.lanes.iter_mut().for_each(|lane| lane.set_labels(&labels));
        levels
    }
}

/// The order in which events are put on levels: outer ones before those within them.
const fn order(entry: &Entry) -> (i64, Reverse<i64>, u32) {
    (entry.start, Reverse(entry.end), entry.row)
}

/// Levels that are being made. Only what comes much too late is kept unpacked.
#[derive(Default)]
pub(crate) struct Making {
    /// The newest events, in the order in which they came.
    window: Vec<Entry>,
    /// Events that belong before some that are in lanes already.
    late: Vec<Entry>,
    last: Option<(i64, Reverse<i64>, u32)>,
    lanes: Vec<Growing>,
    too_deep: Vec<Entry>,
}

impl Making {
    /// Adds an event.
    pub(crate) fn push(&mut self, entry: Entry) {
        self.window.push(entry);
        if self.window.len() == 2 * WINDOW {
            self.settle(WINDOW);
        }
    }

    /// Puts so many of the newest events on their levels, the earliest first.
    fn settle(&mut self, count: usize) {
        self.window.sort_by_key(order);
        let mut window = std::mem::take(&mut self.window);
        for entry in window.drain(..count) {
            if self.last.is_some_and(|last| order(&entry) < last) {
                self.late.push(entry);
            } else {
                self.last = Some(order(&entry));
                self.place(entry);
            }
        }
        self.window = window;
    }

    fn place(&mut self, entry: Entry) {
        let free = self.lanes.iter().position(|lane| lane.free_from <= entry.start);
        match free {
            Some(level) => self.lanes[level].push(entry),
            None if self.lanes.len() < MAX_LEVELS => {
                let mut lane = Growing::default();
                lane.push(entry);
                self.lanes.push(lane);
            }
            None => self.too_deep.push(entry),
        }
    }

    /// The levels, whose events have these tints by the numbers of their labels.
    pub(crate) fn finish(mut self, tints: &[Tint]) -> Levels {
        self.settle(self.window.len());
        if !self.late.is_empty() {
            self = self.anew();
        }
        let too_deep = self.too_deep.len();
        let lanes = self.lanes.into_iter().map(|lane| lane.finish(tints)).collect();
        Levels { lanes, too_deep }
    }

    /// All of it again, in order.
    fn anew(mut self) -> Self {
        let mut all = self.late;
        all.append(&mut self.too_deep);
        for lane in self.lanes {
            lane.take_apart(&mut all);
        }
        all.sort_by_key(order);
        let mut anew = Self::default();
        for entry in all {
            anew.place(entry);
        }
        anew
    }
}

/// A lane that is being made.
#[derive(Default)]
struct Growing {
    blocks: Vec<Block>,
    /// What does not fill a block yet.
    rest: Vec<Entry>,
    /// From here on the lane can take another event.
    free_from: i64,
}

impl Growing {
    fn push(&mut self, entry: Entry) {
        // An event of no length occupies its instant, or a thousand marks at one time would hide each other.
        self.free_from = entry.end.max(entry.start + 1);
        self.rest.push(entry);
        if self.rest.len() == EVENTS {
            self.blocks.push(Block::pack(&self.rest));
            self.rest.clear();
        }
    }

    fn finish(mut self, tints: &[Tint]) -> Lane {
        let length = self.blocks.len() * EVENTS + self.rest.len();
        if !self.rest.is_empty() {
            self.blocks.push(Block::pack(&self.rest));
        }
        self.blocks.shrink_to_fit();
        Lane::of(self.blocks, length, tints)
    }

    fn take_apart(self, all: &mut Vec<Entry>) {
        for block in &self.blocks {
            all.extend((0..EVENTS).map(|index| Entry {
                start: block.start(index),
                end: block.end(index),
                label: block.label(index),
                row: block.row(index),
            }));
        }
        all.extend(self.rest);
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, Levels, MAX_LEVELS, Making, WINDOW};
    use crate::model::lane::{Event, Lane};
    use crate::model::names::NameId;
    use crate::model::tint::Tint;

    fn event(start: i64, end: i64) -> Event {
        Event::new(start, end, NameId(0), Tint::default(), 0)
    }

    #[test]
    fn nesting_becomes_levels() {
        let levels = Lane::split(vec![
            event(10, 20),
            event(0, 100),
            event(12, 15),
            event(30, 40),
            event(100, 110),
        ]);
        let lengths: Vec<_> = levels.lanes.iter().map(Lane::len).collect();
        assert_eq!(lengths, [2, 2, 1]);
        assert_eq!((levels.lanes[1].start(0), levels.lanes[1].start(1)), (10, 30));
    }

    #[test]
    fn events_beyond_the_deepest_level_are_counted() {
        let levels = Levels::of(&vec![event(0, 10); MAX_LEVELS + 5]);
        assert_eq!(levels.lanes.len(), MAX_LEVELS);
        assert_eq!(levels.too_deep, 5);
    }

    /// However late an event is told of, it is where it belongs.
    #[test]
    fn an_outer_event_may_come_after_all_within_it() {
        let inner = 5 * WINDOW as u32;
        let entry = |start, end, row| Entry { start, end, label: 0, row };
        let mut making = Making::default();
        for row in 0..inner {
            let start = i64::from(row) * 10;
            making.push(entry(start, start + 5, row));
        }
        making.push(entry(-1, i64::from(inner) * 10, inner));
        let levels = making.finish(&[Tint::default()]);
        let lengths: Vec<_> = levels.lanes.iter().map(Lane::len).collect();
        assert_eq!(lengths, [1, inner as usize]);
        assert_eq!(levels.lanes[0].row(0), inner);
        for index in 0..inner as usize {
            assert_eq!(levels.lanes[1].row(index), index as u32);
        }
    }
}
