//! The same look at a recording that has grown: what the user was looking at stays where it is.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Search, Session, Wanted, everything};
use crate::model::document::{Document, EventRef};
use crate::model::track::{Group, Track};
use crate::model::viewport::Viewport;

impl Session {
    /// Looks at a newer state of the same recording. View, selection, marked stretch, search and what was chosen in all views
    /// stay; figures are worked out anew. With `follow` the view moves on so that the newest time stays in sight.
    #[must_use]
    pub fn with_document(self, document: &Arc<Document>, follow: bool) -> Self {
        let old = Arc::clone(&self.document);
        let mut new = Self::new(Arc::clone(document));
        new.view = if self.view == everything(&old) {
            new.view
        } else if follow {
            followed(self.view, old.whole(), document.whole())
        } else {
            self.view
        };
        new.selected = self.selected.and_then(|at| same_event(&old, document, at));
        new.range = self.range;
        new.folded = self
            .folded
            .iter()
            .filter_map(|&at| same_group(&document.groups, old.groups.get(at)?))
            .collect();
        let tracks = |all: BTreeSet<usize>| {
            let same = |at: usize| same_track(&old, document, old.tracks.get(at)?);
            all.into_iter().filter_map(same).collect::<BTreeSet<usize>>()
        };
        new.pinned = tracks(self.pinned);
        new.hidden_tracks = tracks(self.hidden_tracks);
        new.take_search(self.search, &old);
        (new.overview, new.roofline, new.memory) = (self.overview, self.roofline, self.memory);
        (new.communication, new.advisor, new.table) =
            (self.communication, self.advisor, self.table);
        new.outdate(ranks(&old) == ranks(document));
        if document.series.iter().any(|series| series.quantity == self.lower_quantity) {
            new.lower_quantity = self.lower_quantity;
        }
        new.hidden_curves = self.hidden_curves;
        new.dragging = self.dragging;
        new.pointer_time = self.pointer_time;
        new.pointer_seen = self.pointer_seen;
        new.wanted_pane = self.wanted_pane;
        (new.past, new.future) = (self.past, self.future);
        new
    }

    fn outdate(&mut self, same_ranks: bool) {
        self.overview.outdate();
        self.roofline.outdate(same_ranks);
        self.memory.outdate();
        self.communication.outdate();
        self.advisor.outdate();
        self.table.outdate();
    }

    /// Looks for what was looked for in another document.
    fn take_search(&mut self, search: Search, old: &Document) {
        let name = search.name.and_then(|name| self.document.names.find(old.names.text(name)));
        let Search { text, wants_focus, .. } = search;
        self.search = Search { text, name, wants_focus, ..Search::default() };
        match name {
            Some(name) => self.look_up(Wanted::Name(name), false),
            None if self.search.text.is_empty() => {}
            None => self.look_up(Wanted::Text(self.search.text.clone()), false),
        }
    }
}

/// How many ranks the reports tell of.
fn ranks(document: &Document) -> usize {
    document.sources.iter().map(|source| source.report.ranks.len()).sum()
}

/// A view moved on by as much as the recording has grown.
fn followed(view: Viewport, old: Viewport, new: Viewport) -> Viewport {
    let grown = (new.end() - old.end()).max(0);
    // Who looks at an earlier time on purpose is brought to the newest one: that is what following means.
    let behind = old.end().saturating_sub(view.end()).max(0);
    let by = grown + behind;
    Viewport::new(view.start() + by, view.end() + by)
}

/// The same event, by its row's place and by its time.
fn same_event(old: &Document, new: &Document, at: EventRef) -> Option<EventRef> {
    let event = old.event(at)?;
    let track = old.track_of(at)?;
    let level = at.lane - track.lanes.start;
    let name = old.name(&event);
    let track = new.tracks.get(same_track(old, new, track)?)?;
    // New events around it may have moved it to another level.
    let levels = (0..track.lanes.len()).map(|other| (other + level) % track.lanes.len());
    for lane in levels.map(|level| track.lanes.start + level) {
        let touching = new.lanes.get(lane)?.touching(event.start, event.start);
        for index in touching {
            let at = EventRef { lane, index };
            if new
                .event(at)
                .is_some_and(|found| found.start == event.start && new.name(&found) == name)
            {
                return Some(at);
            }
        }
    }
    None
}

/// The position of the same row.
fn same_track(old: &Document, new: &Document, track: &Track) -> Option<usize> {
    let group = same_group(&new.groups, old.groups.get(track.group)?)?;
    new.groups.get(group)?.tracks.clone().find(|&at| {
        new.tracks.get(at).is_some_and(|other| {
            other.kind == track.kind && other.label == track.label && other.owner == track.owner
        })
    })
}

fn same_group(groups: &[Group], group: &Group) -> Option<usize> {
    let same = |other: &Group| other.label == group.label && other.note == group.note;
    groups
        .iter()
        .position(same)
        .or_else(|| groups.iter().position(|other| other.label == group.label))
}

#[cfg(test)]
mod tests {
    use super::followed;
    use crate::model::viewport::Viewport;

    #[test]
    fn the_newest_time_stays_in_sight() {
        let (old, new) = (Viewport::new(0, 1000), Viewport::new(0, 1500));
        assert_eq!(followed(Viewport::new(800, 1000), old, new), Viewport::new(1300, 1500));
        assert_eq!(followed(Viewport::new(100, 300), old, new), Viewport::new(1300, 1500));
        assert_eq!(followed(Viewport::new(900, 1100), old, new), Viewport::new(1400, 1600));
    }
}
