//! Events by name: what a search finds and what a row of the table stands for.

use super::document::{Document, EventRef};
use super::lane::Lane;
use super::names::NameId;

/// Positions of the matching events, lane by lane, in order of time.
#[derive(Clone, Debug, Default)]
pub struct Matches {
    by_lane: Vec<Vec<u32>>,
    count: usize,
}

impl Matches {
    /// All events whose name contains `text`, whatever the case; none for an empty text.
    #[must_use]
    pub fn of_text(document: &Document, text: &str) -> Self {
        if text.trim().is_empty() {
            return Self::default();
        }
        let wanted = document.names.containing(text.trim());
        Self::gather(document, |name| wanted.get(name.index()).copied().unwrap_or(false))
    }

    /// All events with this name.
    #[must_use]
    pub fn of_name(document: &Document, name: NameId) -> Self {
        Self::gather(document, |other| other == name)
    }

    fn gather(document: &Document, wanted: impl Fn(NameId) -> bool) -> Self {
        let by_lane: Vec<Vec<u32>> =
            document.lanes.iter().map(|lane| lane.with_names(&wanted)).collect();
        let count = by_lane.iter().map(Vec::len).sum();
        Self { by_lane, count }
    }

    /// How many events match.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// The matching positions of a lane, ascending.
    #[must_use]
    pub fn in_lane(&self, lane: usize) -> &[u32] {
        self.by_lane.get(lane).map_or(&[], |positions| positions)
    }

    /// The match behind `from` in order of time; the first one behind the last.
    #[must_use]
    pub fn next(&self, document: &Document, from: Option<EventRef>) -> Option<EventRef> {
        let after = from.and_then(|at| key(document, at)).and_then(|key| {
            self.candidates(document, |keys| keys.partition_point(|&k| k <= key))
                .min_by_key(|found| found.0)
        });
        after
            .or_else(|| self.candidates(document, |_| 0).min_by_key(|found| found.0))
            .map(|(_, at)| at)
    }

    /// The match before `from` in order of time; the last one before the first.
    #[must_use]
    pub fn previous(&self, document: &Document, from: Option<EventRef>) -> Option<EventRef> {
        let before = from.and_then(|at| key(document, at)).and_then(|key| {
            self.candidates(document, |keys| keys.partition_point(|&k| k < key).wrapping_sub(1))
                .max_by_key(|found| found.0)
        });
        before
            .or_else(|| {
                self.candidates(document, |keys| keys.len().wrapping_sub(1))
                    .max_by_key(|found| found.0)
            })
            .map(|(_, at)| at)
    }

    /// Which match `at` is, from 1; `None` when it is none.
    #[must_use]
    pub fn position(&self, document: &Document, at: EventRef) -> Option<usize> {
        self.in_lane(at.lane).binary_search(&(at.index as u32)).ok()?;
        let key = key(document, at)?;
        let before: usize = (0..self.by_lane.len())
            .map(|lane| self.keys(document, lane).partition_point(|&other| other < key))
            .sum();
        Some(before + 1)
    }

    fn keys<'a>(&'a self, document: &'a Document, lane: usize) -> Keys<'a> {
        Keys { positions: self.in_lane(lane), events: document.lanes.get(lane), lane }
    }

    fn candidates<'a>(
        &'a self,
        document: &'a Document,
        choose: impl Fn(&Keys<'a>) -> usize + 'a,
    ) -> impl Iterator<Item = ((i64, usize), EventRef)> + 'a {
        (0..self.by_lane.len()).filter_map(move |lane| {
            let keys = self.keys(document, lane);
            let chosen = choose(&keys);
            let index = *keys.positions.get(chosen)? as usize;
            Some(((keys.events?.get(index)?.start, lane), EventRef { lane, index }))
        })
    }
}

/// Where an event stands among the matches of all lanes: by start, then by lane.
fn key(document: &Document, at: EventRef) -> Option<(i64, usize)> {
    Some((document.event(at)?.start, at.lane))
}

/// The matches of one lane with their order among all: by start, then by lane.
struct Keys<'a> {
    positions: &'a [u32],
    events: Option<&'a Lane>,
    lane: usize,
}

impl Keys<'_> {
    const fn len(&self) -> usize {
        self.positions.len()
    }

    fn partition_point(&self, before: impl Fn(&(i64, usize)) -> bool) -> usize {
        self.positions.partition_point(|&index| {
            let event = self.events.and_then(|events| events.get(index as usize));
            let start = event.map_or(i64::MAX, |event| event.start);
            before(&(start, self.lane))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Matches;
    use crate::model::document::{Document, EventRef};
    use crate::model::lane::{Event, Lane};
    use crate::model::tint::Tint;

    fn document() -> Document {
        let mut document = Document::default();
        let (mm, add) = (document.names.intern("aten::mm"), document.names.intern("aten::add"));
        let event = |start, name| Event::new(start, start + 5, name, Tint::default(), 0);
        for events in
            [vec![event(0, mm), event(10, add), event(20, mm)], vec![event(10, mm), event(20, mm)]]
        {
            document.lanes.extend(Lane::split(events).lanes);
        }
        document
    }

    #[test]
    fn going_round_in_order_of_time() {
        let document = document();
        let matches = Matches::of_text(&document, "MM");
        assert_eq!(matches.count(), 4);
        let mut at = None;
        let mut seen = Vec::new();
        for _ in 0..5 {
            at = matches.next(&document, at);
            let event = at.unwrap();
            seen.push((document.event(event).unwrap().start, event.lane));
        }
        assert_eq!(seen, [(0, 0), (10, 1), (20, 0), (20, 1), (0, 0)]);
        let back = matches.previous(&document, at);
        assert_eq!(back, Some(EventRef { lane: 1, index: 1 }));
        assert_eq!(matches.position(&document, back.unwrap()), Some(4));
    }

    #[test]
    fn a_search_may_start_at_an_event_that_does_not_match() {
        let document = document();
        let matches = Matches::of_text(&document, "mm");
        let add = EventRef { lane: 0, index: 1 };
        assert_eq!(matches.position(&document, add), None);
        assert_eq!(matches.next(&document, Some(add)), Some(EventRef { lane: 1, index: 0 }));
    }

    #[test]
    fn nothing_matches_nothing() {
        let document = document();
        assert_eq!(Matches::of_text(&document, "  ").count(), 0);
        assert_eq!(Matches::of_text(&document, "conv").next(&document, None), None);
    }
}
