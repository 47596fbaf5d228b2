//! A lane: events of one row that never overlap, as columns sorted by time.
//!
//! Nesting is taken apart when lanes are made, one lane a level, so that everything else may rely
//! on sorted, disjoint events and use binary search.

use std::ops::Range;

use super::mip::Mip;
use super::names::NameId;
use super::tint::Tint;

/// Times beyond this are not believed (the year 2043 is 2.3e18 ns), so that differences cannot overflow.
pub const FURTHEST_TIME: i64 = 1 << 61;

/// Levels of nesting that are drawn; deeper events are counted, not shown.
pub const MAX_LEVELS: usize = 64;

/// One event on its way into a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Start, ns.
    pub start: i64,
    /// End, ns; not before the start.
    pub end: i64,
    /// Its name.
    pub name: NameId,
    /// What it is drawn as.
    pub tint: Tint,
    /// Its position in the table of the recording that it came from.
    pub row: u32,
}

impl Event {
    /// An event with its times brought into order and range.
    #[must_use]
    pub fn new(start: i64, end: i64, name: NameId, tint: Tint, row: usize) -> Self {
        let start = start.clamp(-FURTHEST_TIME, FURTHEST_TIME);
        let end = end.clamp(start, FURTHEST_TIME);
        Self { start, end, name, tint, row: u32::try_from(row).unwrap_or(u32::MAX) }
    }
}

/// Disjoint events in order of time.
#[derive(Clone, Debug, Default)]
pub struct Lane {
    starts: Vec<i64>,
    ends: Vec<i64>,
    names: Vec<NameId>,
    tints: Vec<Tint>,
    rows: Vec<u32>,
    mip: Option<Mip>,
}

/// Lanes made from events, and how many nest too deeply to be in one of them.
#[derive(Clone, Debug, Default)]
pub struct Levels {
    /// One lane a level of nesting, outermost first.
    pub lanes: Vec<Lane>,
    /// Events below [`MAX_LEVELS`].
    pub too_deep: usize,
}

impl Lane {
    /// Sorts events and puts each on the first level that is free when it starts: properly nested
    /// events land on the level of their depth, overlapping ones next to each other.
    #[must_use]
    pub fn split(mut events: Vec<Event>) -> Levels {
        events
            .sort_by(|a, b| a.start.cmp(&b.start).then(b.end.cmp(&a.end)).then(a.row.cmp(&b.row)));
        let mut levels = Levels::default();
        for event in events {
            let free = levels.lanes.iter().position(|lane| lane.free_from() <= event.start);
            let level = match free {
                Some(level) => level,
                None if levels.lanes.len() < MAX_LEVELS => {
                    levels.lanes.push(Self::default());
                    levels.lanes.len() - 1
                }
                None => {
                    levels.too_deep += 1;
                    continue;
                }
            };
            levels.lanes[level].push(event);
        }
        for lane in &mut levels.lanes {
            lane.shrink();
            lane.mip = Mip::build(&lane.starts, &lane.ends, &lane.tints);
        }
        levels
    }

    /// Moves all events by so many ns.
    pub(super) fn shift(&mut self, by: i64) {
        let moved = |time: &mut i64| {
            *time = time.saturating_add(by).clamp(-FURTHEST_TIME, FURTHEST_TIME);
        };
        self.starts.iter_mut().for_each(moved);
        self.ends.iter_mut().for_each(moved);
        self.mip = Mip::build(&self.starts, &self.ends, &self.tints);
    }

    /// Gives back the room that growing has taken in advance, up to half of everything.
    fn shrink(&mut self) {
        self.starts.shrink_to_fit();
        self.ends.shrink_to_fit();
        self.names.shrink_to_fit();
        self.tints.shrink_to_fit();
        self.rows.shrink_to_fit();
    }

    fn push(&mut self, event: Event) {
        self.starts.push(event.start);
        self.ends.push(event.end);
        self.names.push(event.name);
        self.tints.push(event.tint);
        self.rows.push(event.row);
    }

    /// When the last event ends: from here on the lane can take another one.
    fn free_from(&self) -> i64 {
        // A zero-length event occupies its instant, or a thousand marks at one time would hide each other.
        match (self.starts.last(), self.ends.last()) {
            (Some(start), Some(end)) => (*end).max(start + 1),
            _ => i64::MIN,
        }
    }

    /// How many events there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// True for a lane without events.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Starts of all events, ns, ascending.
    #[must_use]
    pub fn starts(&self) -> &[i64] {
        &self.starts
    }

    /// Ends of all events, ns, ascending.
    #[must_use]
    pub fn ends(&self) -> &[i64] {
        &self.ends
    }

    /// Names of all events.
    #[must_use]
    pub fn names(&self) -> &[NameId] {
        &self.names
    }

    /// The rows of the recording that the events are.
    #[must_use]
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// Tints of all events.
    #[must_use]
    pub fn tints(&self) -> &[Tint] {
        &self.tints
    }

    /// The summary by zoom level, for lanes that are long enough to need one.
    #[must_use]
    pub const fn mip(&self) -> Option<&Mip> {
        self.mip.as_ref()
    }

    /// The event at a position.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Event> {
        Some(Event {
            start: *self.starts.get(index)?,
            end: *self.ends.get(index)?,
            name: *self.names.get(index)?,
            tint: *self.tints.get(index)?,
            row: *self.rows.get(index)?,
        })
    }

    /// The positions of the events that touch the time from `start` to `end`, both included.
    #[must_use]
    pub fn touching(&self, start: i64, end: i64) -> Range<usize> {
        let first = self.ends.partition_point(|&at| at < start);
        let past = self.starts.partition_point(|&at| at <= end);
        first..past.max(first)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Event, Lane, MAX_LEVELS};
    use crate::model::names::NameId;
    use crate::model::tint::Tint;

    pub(crate) fn event(start: i64, end: i64) -> Event {
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
        assert_eq!(levels.lanes[1].starts(), [10, 30]);
    }

    #[test]
    fn events_beyond_the_deepest_level_are_counted() {
        let events = vec![event(0, 10); MAX_LEVELS + 5];
        let levels = Lane::split(events);
        assert_eq!(levels.lanes.len(), MAX_LEVELS);
        assert_eq!(levels.too_deep, 5);
    }

    #[test]
    fn times_out_of_range_are_brought_into_it() {
        let broken = event(i64::MAX, i64::MIN);
        assert!(broken.start <= broken.end);
    }

    proptest! {
        #[test]
        fn levels_are_sorted_disjoint_and_complete(
            times in prop::collection::vec((0_i64..1000, 0_i64..200), 0..200)
        ) {
            let events: Vec<_> = times.iter().map(|&(start, length)| event(start, start + length)).collect();
            let count = events.len();
            let levels = Lane::split(events);
            let mut kept = levels.too_deep;
            for lane in &levels.lanes {
                kept += lane.len();
                for index in 1..lane.len() {
                    prop_assert!(lane.ends()[index - 1] <= lane.starts()[index]);
                }
            }
            prop_assert_eq!(kept, count);
        }

        #[test]
        fn touching_agrees_with_looking_at_each(
            times in prop::collection::vec((0_i64..1000, 0_i64..50), 0..100),
            from in 0_i64..1000, length in 0_i64..300,
        ) {
            let events = times.iter().map(|&(start, length)| event(start, start + length)).collect();
            for lane in Lane::split(events).lanes {
                let found = lane.touching(from, from + length);
                for index in 0..lane.len() {
                    let touches = lane.ends()[index] >= from && lane.starts()[index] <= from + length;
                    prop_assert_eq!(touches, found.contains(&index));
                }
            }
        }
    }
}
