//! Medians and 99th percentiles of the events of each name over all ranks: what the reports tell rank by
//! rank. Of kernels, copies and collectives, whose times nothing is nested in.

use std::collections::HashMap;

use crate::model::document::Document;
use crate::model::lane::Lane;
use crate::model::names::NameId;
use crate::model::track::TrackKind;

/// The kinds whose events are as long as the report says.
const KINDS: [TrackKind; 3] = [TrackKind::Kernels, TrackKind::Copies, TrackKind::Collectives];

/// Median and 99th percentile (nearest rank), ns.
pub type Percentiles = HashMap<(TrackKind, NameId), (i64, i64)>;

/// The percentiles of each name. Takes four bytes an event while it is at it.
#[must_use]
pub fn percentiles(document: &Document) -> Percentiles {
    let mut found = Percentiles::new();
    for kind in KINDS {
        let lanes: Vec<&Lane> = document
            .tracks
            .iter()
            .filter(|track| track.kind == kind)
            .flat_map(|track| document.lanes.get(track.lanes.clone()).into_iter().flatten())
            .collect();
        let mut counts = vec![0_usize; document.names.len() + 1];
        for name in lanes.iter().flat_map(|&lane| lane.names()) {
            if let Some(count) = counts.get_mut(name.index()) {
                *count += 1;
            }
        }
        // Where the times of each name begin.
        let mut begins = Vec::with_capacity(counts.len());
        let mut before = 0;
        for count in &counts {
            begins.push(before);
            before += count;
        }
        let mut times = vec![0_u32; before];
        let mut next = begins.clone();
        for lane in lanes {
            for event in lane.events() {
                let Some(place) = next.get_mut(event.name.index()) else { continue };
                if let Some(time) = times.get_mut(*place) {
                    *time = u32::try_from(event.end - event.start).unwrap_or(u32::MAX);
                }
                *place += 1;
            }
        }
        for (index, (&begin, &count)) in begins.iter().zip(&counts).enumerate() {
            let Some(times) = times.get_mut(begin..begin + count).filter(|times| !times.is_empty())
            else {
                continue;
            };
            let mut nearest = |percent: usize| {
                let place = (count * percent).div_ceil(100).max(1) - 1;
                *times.select_nth_unstable(place).1
            };
            let both = (nearest(50), nearest(99));
            // A time beyond 4.29 s is not told apart from that.
            if both.1 < u32::MAX {
                let name = NameId(index as u32);
                found.insert((kind, name), (i64::from(both.0), i64::from(both.1)));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::percentiles;
    use crate::model::document::Document;
    use crate::model::lane::{Event, Lane};
    use crate::model::tint::Tint;
    use crate::model::track::{Track, TrackKind};

    #[test]
    fn they_are_of_all_lanes_of_a_kind() {
        let mut document = Document::default();
        let (mm, add) = (document.names.intern("mm"), document.names.intern("add"));
        let mut now = 0;
        let mut event = |length, name| {
            now += 1000;
            Event::new(now, now + length, name, Tint::default(), 0)
        };
        let lanes = [vec![event(5, mm), event(1, mm), event(70, add)], vec![event(9, mm)]];
        for (at, events) in lanes.into_iter().enumerate() {
            document.lanes.extend(Lane::split(events).lanes);
            document.tracks.push(Track {
                kind: TrackKind::Kernels,
                label: String::new(),
                owner: String::new(),
                group: 0,
                source: 0,
                lanes: at..at + 1,
                too_deep: 0,
            });
        }
        let found = percentiles(&document);
        assert_eq!(found[&(TrackKind::Kernels, mm)], (5, 9));
        assert_eq!(found[&(TrackKind::Kernels, add)], (70, 70));
        assert_eq!(found.len(), 2);
    }
}
