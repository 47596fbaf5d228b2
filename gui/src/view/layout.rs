//! Which row of the timeline is how far down.

use std::collections::BTreeSet;

use crate::model::document::Document;

/// Height of a rank's header, points.
pub const HEADER_HEIGHT: f32 = 22.0;
/// Height of one level of nesting, points.
pub const LEVEL_HEIGHT: f32 = 17.0;
/// Room between two rows, points.
pub const GAP: f32 = 5.0;

/// What a row shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKind {
    /// The header of a group, with its steps.
    Group(usize),
    /// A track.
    Track(usize),
}

/// One row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// What it shows.
    pub kind: RowKind,
    /// Its upper edge below the upper edge of the first row, points.
    pub top: f32,
    /// Its height, points.
    pub height: f32,
}

/// All rows from top to bottom.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// The rows.
    pub rows: Vec<Row>,
    /// The height of all, points.
    pub height: f32,
}

impl Layout {
    /// Puts the rows of a document below each other, leaving out what is folded or hidden.
    #[must_use]
    pub fn new(document: &Document, folded: &BTreeSet<usize>, hidden: &BTreeSet<usize>) -> Self {
        let mut layout = Self::default();
        for (index, group) in document.groups.iter().enumerate() {
            layout.push(RowKind::Group(index), HEADER_HEIGHT);
            if !folded.contains(&index) {
                for track in group.tracks.clone().filter(|track| !hidden.contains(track)) {
                    layout.track(document, track);
                }
            }
        }
        layout
    }

    /// Only these tracks.
    #[must_use]
    pub fn of_tracks(document: &Document, tracks: &BTreeSet<usize>) -> Self {
        let mut layout = Self::default();
        for &track in tracks {
            layout.track(document, track);
        }
        layout
    }

    fn track(&mut self, document: &Document, track: usize) {
        if let Some(found) = document.tracks.get(track) {
            let levels = found.lanes.len().max(1);
            self.push(RowKind::Track(track), levels as f32 * LEVEL_HEIGHT + GAP);
        }
    }

    fn push(&mut self, kind: RowKind, height: f32) {
        self.rows.push(Row { kind, top: self.height, height });
        self.height += height;
    }

    /// The rows that can be seen between two heights.
    #[must_use]
    pub fn visible(&self, top: f32, bottom: f32) -> &[Row] {
        let first = self.rows.partition_point(|row| row.top + row.height <= top);
        let past = self.rows.partition_point(|row| row.top < bottom).max(first);
        &self.rows[first..past]
    }

    /// The row at a height.
    #[must_use]
    pub fn at(&self, y: f32) -> Option<&Row> {
        self.visible(y, y + 0.01).first().filter(|row| row.top <= y)
    }

    /// The row of a track.
    #[must_use]
    pub fn of_track(&self, track: usize) -> Option<&Row> {
        self.rows.iter().find(|row| row.kind == RowKind::Track(track))
    }
}

impl Row {
    /// The level of nesting at a height below the first row's upper edge.
    #[must_use]
    pub fn level(&self, y: f32) -> usize {
        ((y - self.top - GAP / 2.0) / LEVEL_HEIGHT).max(0.0) as usize
    }

    /// The upper edge of a level.
    #[must_use]
    pub fn level_top(&self, level: usize) -> f32 {
        self.top + GAP / 2.0 + level as f32 * LEVEL_HEIGHT
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{HEADER_HEIGHT, Layout, RowKind};
    use crate::model::document::Document;
    use crate::model::track::{Group, Track, TrackKind};

    fn document() -> Document {
        let mut document = Document::default();
        for group in 0..2 {
            let first = document.tracks.len();
            for levels in [1, 3] {
                document.tracks.push(Track {
                    kind: TrackKind::Ranges,
                    label: String::new(),
                    owner: String::new(),
                    group,
                    source: 0,
                    lanes: 0..levels,
                    too_deep: 0,
                });
            }
            document.groups.push(Group {
                label: String::new(),
                note: String::new(),
                rank: None,
                tracks: first..document.tracks.len(),
                steps: Vec::new(),
            });
        }
        document
    }

    #[test]
    fn folding_hides_the_tracks_of_one_rank() {
        let document = document();
        let none = BTreeSet::new();
        let open = Layout::new(&document, &none, &none);
        let folded = Layout::new(&document, &BTreeSet::from([0]), &none);
        let hidden = Layout::new(&document, &none, &BTreeSet::from([1, 2]));
        assert_eq!(hidden.rows.len(), 4);
        assert_eq!(Layout::of_tracks(&document, &BTreeSet::from([3, 0])).rows.len(), 2);
        assert_eq!((open.rows.len(), folded.rows.len()), (6, 4));
        assert_eq!(folded.rows[1].kind, RowKind::Group(1));
        assert!((folded.rows[1].top - HEADER_HEIGHT).abs() < f32::EPSILON);
    }

    #[test]
    fn rows_and_levels_are_found_by_height() {
        let layout = Layout::new(&document(), &BTreeSet::new(), &BTreeSet::new());
        let row = layout.of_track(1).unwrap();
        let inside = row.level_top(2) + 1.0;
        assert_eq!(layout.at(inside).unwrap().kind, RowKind::Track(1));
        assert_eq!(layout.at(inside).unwrap().level(inside), 2);
        assert!(layout.at(layout.height + 1.0).is_none());
        assert_eq!(layout.visible(row.top, row.top + 1.0).len(), 1);
    }
}
