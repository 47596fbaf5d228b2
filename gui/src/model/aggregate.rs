//! What happened in a stretch of time.

use std::collections::HashMap;

use super::document::Document;
use super::names::NameId;
use super::track::TrackKind;
use super::viewport::Viewport;

/// Events that are looked at one by one; above it only counts are given.
const MOST_EVENTS: usize = 4_000_000;

/// Names that are listed.
const TOP: usize = 8;

/// The events of one kind in the stretch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindTotal {
    /// The kind.
    pub kind: TrackKind,
    /// Events that touch the stretch, nested ones included.
    pub events: u64,
    /// Time of the outermost events within the stretch, summed over tracks, ns; `None` when there were
    /// too many to look at.
    pub busy_ns: Option<i64>,
}

/// The time of one name within the stretch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameTotal {
    /// The name.
    pub name: NameId,
    /// How many events.
    pub count: u64,
    /// Their time within the stretch, ns.
    pub total_ns: i64,
}

/// What happened in a stretch of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregate {
    /// The stretch.
    pub range: Viewport,
    /// By kind, kinds without events left out.
    pub kinds: Vec<KindTotal>,
    /// The names with the most time among kernels, else operators, else ranges.
    pub top: Vec<NameTotal>,
    /// The kind that `top` is about.
    pub top_kind: Option<TrackKind>,
}

/// Sums up the events of a stretch.
#[must_use]
pub fn aggregate(document: &Document, range: Viewport) -> Aggregate {
    let (start, end) = (range.start(), range.end());
    let touching = |lane: usize| document.lanes[lane].touching(start, end);
    let total: usize = (0..document.lanes.len()).map(|lane| touching(lane).len()).sum();
    let affordable = total <= MOST_EVENTS;
    let clipped = |lane: usize, index: usize| {
        let lane = &document.lanes[lane];
        (lane.end(index).min(end) - lane.start(index).max(start)).max(0)
    };
    let mut kinds = Vec::new();
    for kind in TrackKind::ALL {
        let mut events = 0;
        let mut busy = 0;
        for track in document.tracks.iter().filter(|track| track.kind == kind) {
            events += track.lanes.clone().map(|lane| touching(lane).len() as u64).sum::<u64>();
            if affordable && let Some(outermost) = track.lanes.clone().next() {
                busy += touching(outermost).map(|index| clipped(outermost, index)).sum::<i64>();
            }
        }
        if events > 0 {
            kinds.push(KindTotal { kind, events, busy_ns: affordable.then_some(busy) });
        }
    }
    let telling = [TrackKind::Kernels, TrackKind::Operators, TrackKind::Ranges];
    let top_kind = telling
        .into_iter()
        .find(|kind| affordable && kinds.iter().any(|total| total.kind == *kind));
    let mut by_name: HashMap<NameId, (u64, i64)> = HashMap::new();
    for track in document.tracks.iter().filter(|track| Some(track.kind) == top_kind) {
        for lane in track.lanes.clone() {
            for index in touching(lane) {
                let sum = by_name.entry(document.lanes[lane].name(index)).or_default();
                sum.0 += 1;
                sum.1 += clipped(lane, index);
            }
        }
    }
    let mut top: Vec<_> = by_name
        .into_iter()
        .map(|(name, (count, total_ns))| NameTotal { name, count, total_ns })
        .collect();
    top.sort_by_key(|total| (std::cmp::Reverse(total.total_ns), total.name));
    top.truncate(TOP);
    Aggregate { range, kinds, top, top_kind }
}

#[cfg(test)]
mod tests {
    use super::aggregate;
    use crate::model::document::Document;
    use crate::model::lane::{Event, Lane};
    use crate::model::tint::Tint;
    use crate::model::track::{Track, TrackKind};
    use crate::model::viewport::Viewport;

    #[test]
    fn times_are_clipped_to_the_stretch_and_nesting_counts_once() {
        let mut document = Document::default();
        let (outer, inner) = (document.names.intern("outer"), document.names.intern("inner"));
        let events = vec![
            Event::new(0, 1000, outer, Tint::default(), 0),
            Event::new(100, 300, inner, Tint::default(), 1),
            Event::new(600, 700, inner, Tint::default(), 2),
        ];
        document.lanes = Lane::split(events).lanes;
        document.tracks.push(Track {
            kind: TrackKind::Operators,
            label: String::new(),
            owner: String::new(),
            group: 0,
            source: 0,
            lanes: 0..2,
            too_deep: 0,
        });
        let found = aggregate(&document, Viewport::new(200, 500));
        assert_eq!(found.kinds.len(), 1);
        assert_eq!((found.kinds[0].events, found.kinds[0].busy_ns), (2, Some(300)));
        let totals: Vec<_> =
            found.top.iter().map(|top| (top.name, top.total_ns, top.count)).collect();
        assert_eq!(totals, [(outer, 300, 1), (inner, 100, 1)]);
    }
}
